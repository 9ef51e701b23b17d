import { onDeno, theProcess } from "./platform.ts";
import { canReadStacks } from "./stack.ts";

/**
 * Python's `warnings.warn`: printed once by the runtime, and emitted to `process.on("warning")`. Where standard error takes
 * nothing, the event comes all the same.
 */
export function warn(category: "RuntimeWarning" | "ResourceWarning", message: string): void {
  const process = theProcess();
  hearErrors();
  if (!onDeno) {
    process.emitWarning(message, category);
    return;
  }
  const warning = Object.assign(new Error(message), { name: category });
  process.nextTick(() => printSafely(() => process.emit("warning", warning)));
}

/** `console.error` for reports: one that can't be written is lost, as in CPython, and does not end the process. */
export function printError(...parts: unknown[]): void {
  if (!onDeno) hearErrors();
  // An error is printed with its stack.
  const printed = canReadStacks()
    ? parts
    : parts.map((part) => part instanceof Error ? String(part) : part);
  printSafely(() => console.error(...printed));
}

/** The same for a line of warning. */
export function printWarning(text: string): void {
  if (!onDeno) hearErrors();
  printSafely(() => console.warn(text));
}

/** Deno's console throws when its descriptor does not take what it prints: a full disk, a reader that has left. */
function printSafely(print: () => void): void {
  try {
    print();
  } catch (error) {
    if (isWritable()) throw error;
  }
}

/** Whether what failed was something else than writing: what a listener, or an object that was printed, did. */
function isWritable(): boolean {
  try {
    console.error("A report failed:");
    return true;
  } catch {
    // So it was the writing, and there is no other place to say so.
    return false;
  }
}

/**
 * An error of standard error as a stream comes as an event, some time later, and one without a listener ends the process.
 * There is one listener however often this is called. Deno's console writes to the descriptor without the stream.
 */
function hearErrors(): void {
  const { stderr } = theProcess();
  if (!stderr.listeners("error").includes(reportLost)) stderr.on("error", reportLost);
}

/** Where a report can't be written, its failure can't be reported either. */
function reportLost(): void {}
