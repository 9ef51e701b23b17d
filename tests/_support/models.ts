import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { CancelledError, createTask, run, type Task } from "../../mod.ts";

/** A thousand are run by `PROGRAMS=1000 deno task soak --rounds=1 model`. */
const RUNS = Number(process.env.PROGRAMS ?? "250");
/** Fixed, so that the gate gives the same answer every time; fast-check names the program that fails. */
const SEED = 4;

export interface Op {
  readonly kind: string;
  /** Chooses among those whom the operation may concern. */
  readonly n: number;
}

/**
 * A test that runs `body` for hundreds of random programs made of these operations; one that is named twice is twice as
 * frequent. Each runs in a loop of its own.
 */
export function forPrograms(
  name: string,
  kinds: readonly string[],
  body: (program: readonly Op[]) => Promise<void>,
): void {
  const op = fc.record({ kind: fc.constantFrom(...kinds), n: fc.nat(7) });
  const program = fc.array(op, { minLength: 1, maxLength: 40 });
  const property = fc.asyncProperty(program, (ops) => run(() => body(ops)));
  test(name, () => fc.assert(property, { numRuns: RUNS, seed: SEED }));
}

/** One call that has to wait, as the model sees it. */
export class Visitor {
  /** Somebody cancelled it while it waited. */
  cancelled = false;
  readonly task: Task<void>;

  constructor(body: (visitor: Visitor) => Promise<void>) {
    this.task = createTask(() => body(this));
  }
}

/** Calls that have not come through yet, in the order in which they were made. */
export class Line {
  readonly waiting: Visitor[] = [];
  readonly #tasks: Task<void>[] = [];

  /** Starts a task that calls `wait`, and `passed` once that came through. What fails in it fails in `finish()`. */
  enter<T>(wait: () => Promise<T>, passed: (value: T, visitor: Visitor) => void): void {
    const visitor = new Visitor(async (self) => {
      this.waiting.push(self);
      try {
        const value = await wait();
        assert.equal(self.cancelled, false, "a cancelled waiter came through");
        passed(value, self);
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        assert.equal(self.cancelled, true, "cancelled although nobody asked");
      } finally {
        this.waiting.splice(this.waiting.indexOf(self), 1);
      }
    });
    this.#tasks.push(visitor.task);
  }

  /** Cancels one of those who wait. */
  cancel(n: number): void {
    const visitor = this.waiting[n % Math.max(1, this.waiting.length)];
    if (visitor === undefined) return;
    visitor.cancelled = true;
    visitor.task.cancel();
  }

  /** For `passed`: nobody who came before, and was not cancelled, still waits. */
  assertFirst(visitor: Visitor): void {
    const first = this.waiting.find((other) => !other.cancelled);
    assert.equal(first === visitor, true, "a waiter was overtaken");
  }

  /** All tasks are over, and nothing failed in any of them. */
  async finish(): Promise<void> {
    for (const task of this.#tasks) {
      assert.equal(task.done(), true, "a task is stuck");
      await task;
    }
  }
}
