import type { Socket } from "node:net";
import { builtin, operatingSystem } from "../../runtime/base/platform.ts";

/** Linux's mark of a task that is on its way out, in field 9 of /proc/pid/stat. */
const EXITING = 0x4;
const REAL_TIME_FIRST = 32;

/** Whether Node hides something here: only Linux has real-time signals. */
export function hidesSignals(): boolean {
  return operatingSystem() === "linux";
}

/**
 * Finds out that a real-time signal ended a child, which Node reports as exit code 0.
 *
 * - The kernel closes a dying process's descriptors after it has set its wait status, and Node's event loop looks at pipes before
 *   it reaps children. So when the end of one of the child's pipes arrives, /proc still knows the status.
 * - That end does not arrive in time when a grandchild holds the pipe, or its reader is held back at that moment. Then a signal
 *   that we have sent ourselves, and that the child did not handle, counts as what ended it.
 */
export class WaitStatus {
  readonly #pid: number;
  #status: number | null = null;
  #sent: number | null = null;

  constructor(pid: number) {
    this.#pid = pid;
  }

  /** Looks at the end of this stream. To be called in the turn of the spawn. */
  watch(stream: Socket): void {
    const push = stream.push;
    // "end" would come too late: a turn later, and only when the reader has taken everything.
    stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
      if (chunk === null) this.#look();
      return push.call(stream, chunk, encoding);
    };
  }

  /** The signal is about to be sent. */
  sending(signal: number): void {
    if (signal < REAL_TIME_FIRST || !hidesSignals()) return;
    const status = this.#read("status");
    const bit = 1n << BigInt(signal - 1);
    const handled = ["SigIgn", "SigCgt"].some((name) => {
      const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1] ?? "0";
      return (BigInt(`0x${mask}`) & bit) !== 0n;
    });
    if (!handled) this.#sent = signal;
  }

  /** The real-time signal that ended a child with Node's exit code 0; null when it did exit with 0, or nobody knows. */
  get realTimeSignal(): number | null {
    if (this.#status === null) return this.#sent;
    const signal = this.#status & 0x7f;
    return signal >= REAL_TIME_FIRST && signal < 0x7f ? signal : null;
  }

  #look(): void {
    if (this.#status !== null) return;
    const stat = this.#read("stat");
    // The program's name comes second, in parentheses, and may contain any of these characters.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if ((Number(fields[6]) & EXITING) !== 0) this.#status = Number(fields[49]);
  }

  /** "" when the child was reaped already, or /proc is not to be seen. */
  #read(name: "stat" | "status"): string {
    try {
      return builtin("node:fs").readFileSync(`/proc/${this.#pid}/${name}`, "latin1");
    } catch {
      return "";
    }
  }
}
