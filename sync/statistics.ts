/**
 * What `statistics()` of a lock, event, condition, semaphore, barrier or queue returns: a snapshot for debugging and for
 * metrics, not for decisions, since it is out of date at the next wait.
 *
 * Besides `waiting` each kind gives what it has: `locked` and `owner` (the name of the task that holds it, or null), `set`,
 * `value`, `parties` and `state`, `size` and `unfinished`.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Queue, type Statistics } from "@asyncio/asyncio";
 *
 * const queue = new Queue<string>();
 * queue.putNowait("a");
 * const statistics: Statistics = queue.statistics();
 * assert.equal(statistics.waiting, 0);
 * assert.equal(statistics["size"], 1);
 * ```
 */
export interface Statistics {
  /** How many tasks wait for it now. */
  readonly waiting: number;
  /** The details of this kind of primitive. */
  readonly [detail: string]: unknown;
}
