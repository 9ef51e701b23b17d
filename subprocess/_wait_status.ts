import type { Socket } from "node:net";
import { platform } from "../runtime/_signal_names.ts";
import { builtin } from "./_node_children.ts";

/** Linux's mark of a task that is on its way out, in field 9 of /proc/pid/stat. */
const EXITING = 0x4;
const REAL_TIME_FIRST = 32;

/** Whether Node hides something here: only Linux has real-time signals. */
export function hidesSignals(): boolean {
  return platform() === "linux";
}

/**
 * Finds out that a real-time signal ended a child, which Node reports as exit code 0.
 *
 * The kernel closes a dying process's descriptors after it has set its wait status, and Node's event loop looks at pipes before it
 * reaps children. So when the end of one of the child's pipes arrives, /proc still knows the status, provided that no grandchild
 * holds the pipe and that its reader is not held back at that moment.
 */
export class WaitStatus {
  readonly #pid: number;
  #status: number | null = null;

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

  /** The real-time signal that ended the child; null for another end, or when it is not known. */
  get realTimeSignal(): number | null {
    if (this.#status === null) return null;
    const signal = this.#status & 0x7f;
    return signal >= REAL_TIME_FIRST && signal < 0x7f ? signal : null;
  }

  #look(): void {
    if (this.#status !== null) return;
    let stat: string;
    try {
      stat = builtin("node:fs").readFileSync(`/proc/${this.#pid}/stat`, "latin1");
    } catch {
      // Reaped already, or /proc is not to be seen: the exit code that Node gives has to do.
      return;
    }
    // The program's name comes second, in parentheses, and may contain any of these characters.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const flags = Number(fields[6]);
    if ((flags & EXITING) !== 0) this.#status = Number(fields[49]);
  }
}
