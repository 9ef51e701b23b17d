/** What happened on each line of a program, and when, in loop time. */
import { CancelledError, getRunningLoop, TimeoutError } from "../mod.ts";

export interface Bar {
  readonly line: string;
  readonly kind: "wait" | "foreign";
  readonly label: string;
  readonly from: number;
  /** null: it goes on after the last picture. */
  to: number | null;
  end: "well" | "cancelled" | "failed";
}

export interface Mark {
  readonly at: number;
  readonly label: string;
  readonly kind: "asked" | "ended";
}

export class Film {
  readonly bars: Bar[] = [];
  readonly marks: Mark[] = [];

  /** An asyncio wait. */
  wait<T>(line: string, label: string, call: () => Promise<T>): Promise<T> {
    return this.#record(line, "wait", label, call);
  }

  /** A wait that asyncio knows nothing of. */
  foreign<T>(line: string, label: string, call: () => Promise<T>): Promise<T> {
    return this.#record(line, "foreign", label, call);
  }

  /** Now the program is asked to end. */
  mark(label: string): void {
    this.at(now(), label);
  }

  at(time: number, label: string): void {
    this.marks.push({ at: time, label, kind: "asked" });
  }

  /** Notes when, and as what, a task or a scope ends. Its error is what the picture shows. */
  async ends(what: string, promise: PromiseLike<unknown>): Promise<void> {
    let how = "ends";
    try {
      await promise;
    } catch (error) {
      how = `ends: ${nameOf(error)}`;
    }
    this.marks.push({ at: now(), label: `${what} ${how}`, kind: "ended" });
  }

  async #record<T>(
    line: string,
    kind: Bar["kind"],
    label: string,
    call: () => Promise<T>,
  ): Promise<T> {
    const bar: Bar = { line, kind, label, from: now(), to: null, end: "well" };
    this.bars.push(bar);
    try {
      return await call();
    } catch (error) {
      bar.end = error instanceof CancelledError ? "cancelled" : "failed";
      throw error;
    } finally {
      bar.to = now();
    }
  }
}

function now(): number {
  return getRunningLoop().time();
}

function nameOf(error: unknown): string {
  if (error instanceof CancelledError) return "CancelledError";
  return error instanceof TimeoutError ? "TimeoutError" : String(error);
}
