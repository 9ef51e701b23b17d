/** What the scripts share: where the checkout is, running a program, and how they print. */

/** The checkout's root, with a trailing slash. */
export const root: URL = new URL("../", import.meta.url);

/** Path of something in the checkout. */
export function inRoot(path: string): string {
  return decodeURIComponent(new URL(path, root).pathname).replace(/\/$/, "");
}

/** An error whose text is all the user needs: printed without a stack. */
export class ScriptError extends Error {}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Seconds after which the program is killed. @default {600} */
  timeout?: number;
  /** Seconds without output after which the program is taken for stuck and killed. @default {Infinity} */
  silence?: number;
  /** Copy what the program prints to our own output while it runs. @default {false} */
  echo?: boolean;
  /** Called with each finished line of stdout and stderr. */
  onLine?: (line: string) => void;
}

export interface RunResult {
  /** Exit code; 128 + N for signal N, as shells count. */
  code: number;
  /** stdout and stderr as they came, without colour codes. */
  output: string;
  /** Why we killed it, or null. */
  killed: string | null;
}

/** Runs a program to its end. A missing program is a ScriptError, a failing one is a result. */
export async function run(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { cwd = inRoot("."), env = {}, timeout = 600, silence = Infinity } = options;
  const { echo = false, onLine } = options;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(command, {
      args,
      cwd,
      env: { NO_COLOR: "1", ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (error) {
    throw new ScriptError(`cannot start ${command}: ${(error as Error).message}`);
  }
  let killed: string | null = null;
  const start = performance.now();
  let heard = start;
  const watch = setInterval(() => {
    const now = performance.now();
    if (now - start > timeout * 1000) end(`killed after ${timeout} s`);
    else if (now - heard > silence * 1000) end(`killed after ${silence} s of silence`);
  }, 200);
  const end = (reason: string) => {
    clearInterval(watch);
    killed = reason;
    // A runner that is asked first ends its own children, too.
    signal(child, "SIGTERM");
    last = setTimeout(() => signal(child, "SIGKILL"), 2000);
  };
  let last: ReturnType<typeof setTimeout> | undefined;
  let output = "";
  const collect = async (
    stream: ReadableStream<Uint8Array>,
    sink: { writeSync(data: Uint8Array): number },
  ) => {
    let rest = "";
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      output += text;
      heard = performance.now();
      if (echo) writeAll(sink, text);
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) onLine?.(line);
    }
  };
  const reading = Promise.all([
    collect(child.stdout, Deno.stdout),
    collect(child.stderr, Deno.stderr),
  ]);
  const status = await child.status;
  clearInterval(watch);
  clearTimeout(last);
  // A grandchild that outlives the program may hold the pipes open: what it has to say is not awaited.
  let grace: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([
    reading,
    new Promise((resolve) => grace = setTimeout(resolve, 2000)),
  ]);
  clearTimeout(grace);
  return { code: status.code, output, killed };
}

/** Runs a program that must succeed; otherwise a ScriptError with what it printed. */
export async function must(
  command: string,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, output, killed } = await run(command, args, options);
  if (code === 0) return output;
  const end = killed ?? `ended with ${code}`;
  throw new ScriptError(`${command} ${args.join(" ")}\n${output.trimEnd()}\n${end}`);
}

/** The `deno` that runs this script: none needs to be on the PATH. */
export const deno: string = Deno.execPath();

export async function exists(path: string | URL): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Removes a file or folder with all it holds; one that is not there is fine. */
export async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Files below a folder of the checkout, as sorted paths relative to the root; none where the folder is missing. */
export async function filesBelow(folder: string, suffix = ""): Promise<string[]> {
  const found: string[] = [];
  if (!await exists(inRoot(folder))) return found;
  for await (const entry of Deno.readDir(inRoot(folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...await filesBelow(path, suffix));
    else if (entry.name.endsWith(suffix)) found.push(path);
  }
  return found.sort();
}

const colours = Deno.stdout.isTerminal() && !Deno.noColor;
const paint = (code: number) => (text: string): string =>
  colours ? `\x1b[${code}m${text}\x1b[0m` : text;
export const bold: (text: string) => string = paint(1);
export const red: (text: string) => string = paint(31);
export const green: (text: string) => string = paint(32);
export const grey: (text: string) => string = paint(90);

/** "3 tests", "1 test". */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** Seconds since a `performance.now()`, as text. */
export function since(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

/** Runs a script's main function and ends the process with its exit code. */
export async function main(body: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await body());
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    console.error(red(`error: ${error.message}`));
    Deno.exit(1);
  }
}

function signal(child: Deno.ChildProcess, name: Deno.Signal): void {
  try {
    child.kill(name);
  } catch (error) {
    // It ended by itself in the meantime.
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

function writeAll(sink: { writeSync(data: Uint8Array): number }, text: string): void {
  let bytes = new TextEncoder().encode(text);
  while (bytes.length > 0) bytes = bytes.subarray(sink.writeSync(bytes));
}
