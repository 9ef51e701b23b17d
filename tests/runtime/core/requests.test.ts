/** What becomes of a request at the edges: where nothing waits, where a body has ended, where a signal was asked for long ago. */
import assert from "node:assert/strict";
import {
  createTask,
  currentSignal,
  currentTask,
  sleep,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { assertCancelled, runs, runsImpatiently, runsInRealTime } from "../../_support/tasks.ts";

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

/** A wait that asyncio knows nothing of, and that never ends. */
const never = () => new Promise<never>(() => {});

runsImpatiently(
  "REQUEST-13: a body that stays away after a cleanup in asyncio waits is left after its grace",
  async (loop, reports) => {
    const body = async () => {
      try {
        await sleep(100);
      } finally {
        await sleep(3);
        await never();
      }
    };
    const late = sleep(50, "never left");
    const ends = timeout(1, { grace: 1 }).with(body).catch((error) => error);
    assert.ok(await Promise.race([ends, late]) instanceof TimeoutError);
    assert.ok(loop.time() >= 5 && loop.time() < 6, String(loop.time()));
    assert.equal(reports.splice(0).length, 1);
  },
);

runsImpatiently(
  "REQUEST-14: a request that a deadline delivered for the task does not hit the cleanup after it",
  async (loop) => {
    let cleaned = false;
    const task = createTask(async () => {
      try {
        await timeout(2).with(never);
      } finally {
        await sleep(1);
        cleaned = true;
      }
    });
    loop.callLater(1, () => task.cancel("from outside"));
    await assertCancelled(task, "from outside");
    assert.equal(cleaned, true);
  },
);

runsInRealTime(
  "REQUEST-15: a deadline over a call with an old signal leaves a body that does not obey",
  async () => {
    const body = async () => {
      currentSignal();
      await sleep(0);
      await never();
    };
    const ends = timeout(0.02).with(body).catch((error) => error);
    assert.ok(await Promise.race([ends, sleep(20, "not left")]) instanceof TimeoutError);
  },
);

for (const unwinding of [0, 1]) {
  runs(
    `REQUEST-16: code that swallows what met its old wait ends well (${unwinding} s of unwinding)`,
    async () => {
      const task = createTask(async () => {
        const child = createTask(async () => {
          try {
            await sleep(10);
          } finally {
            if (unwinding > 0) await sleep(unwinding);
          }
        });
        const old = (async () => await child)();
        old.catch(() => {});
        // Beside it the leftover of a race, so that none of the two waits is certainly the code's.
        sleep(10).catch(() => {});
        await sleep(0.1);
        return await old.catch(() => "swallowed");
      });
      await sleep(1);
      task.cancel();
      assert.equal(await task, "swallowed");
    },
  );
}
