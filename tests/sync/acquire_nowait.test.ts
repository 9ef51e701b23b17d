/** `acquireNowait()` of locks, conditions and semaphores, as anyio's and trio's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BoundedSemaphore,
  Condition,
  Lock,
  RuntimeError,
  Semaphore,
  WouldBlock,
} from "../../mod.ts";
import { runs, started } from "../_support/sync.ts";

const kinds = {
  Lock: () => new Lock(),
  Condition: () => new Condition(),
  Semaphore: () => new Semaphore(1),
  BoundedSemaphore: () => new BoundedSemaphore(1),
};

for (const [name, make] of Object.entries(kinds)) {
  test(`NOWAIT-01: ${name}.acquireNowait() takes what is free, now`, () => {
    const it = make();
    const held = it.acquireNowait();
    assert.equal(it.locked(), true);
    held.release();
    assert.equal(it.locked(), false);
  });

  test(`NOWAIT-02: ${name}.acquireNowait() throws WouldBlock where it would have to wait`, () => {
    const it = make();
    it.acquireNowait();
    assert.throws(() => it.acquireNowait(), WouldBlock);
    assert.throws(() => it.acquireNowait(), RuntimeError);
    it.release();
    it.acquireNowait();
  });

  runs(`NOWAIT-03: ${name}.acquireNowait() does not overtake a waiter`, async () => {
    const it = make();
    const held = it.acquireNowait();
    const [waiting] = await started(() => it.acquire());
    held.release();
    assert.throws(() => it.acquireNowait(), WouldBlock);
    (await waiting!).release();
  });
}
