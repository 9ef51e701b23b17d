/** What becomes of a request at the edges: where nothing waits, where a body has ended, where a signal was asked for long ago. */
import assert from "node:assert/strict";
import { createTask, currentSignal, currentTask, sleep, timeout, TimeoutError } from "../../mod.ts";
import { assertCancelled, runs, runsInRealTime } from "../_support/tasks.ts";

runsInRealTime(
  "REQUEST-11: a call with an old signal that takes longer than obeying does spares no wait",
  async () => {
    let waits = 0;
    const task = createTask(async () => {
      currentSignal();
      await sleep(0);
      // One timer after the other, as the patience with old signals is, but six times as many: a busy machine delays both.
      for (let i = 0; i < 60; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      waits++;
      await sleep(0);
      waits++;
      await sleep(0);
    });
    await sleep(0.02);
    task.cancel("for the first wait");
    await assertCancelled(task, "for the first wait");
    assert.equal(waits, 1);
  },
);

runs(
  "REQUEST-12: a deadline that the end of its body delivers stands against nobody",
  async (loop) => {
    const body = () => new Promise((resolve) => loop.callAt(1, () => resolve("too late")));
    await assert.rejects(timeout(1).with(body), TimeoutError);
    assert.equal(currentTask()!.cancelling(), 0);
    assert.equal(await sleep(1, "undisturbed"), "undisturbed");
  },
);
