/**
 * What `acquire()` gives: the one acquisition, to be given back.
 *
 * - Releasing twice does nothing; nor does releasing after the lock was released otherwise, even if another task holds it.
 * - It stays valid across `Condition.wait()`, which gives the lock back and takes it again.
 * - `using held = await lock.acquire()` releases at the end of the block.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Lock, type Releaser } from "@asyncio/asyncio";
 *
 * const lock = new Lock();
 * const held: Releaser = await lock.acquire();
 * held.release();
 * held.release();
 * {
 *   using _ = await lock.acquire();
 *   assert.equal(lock.locked(), true);
 * }
 * assert.equal(lock.locked(), false);
 * ```
 */
export interface Releaser extends Disposable {
  /** Gives the acquisition back, once. */
  release(): void;
}
