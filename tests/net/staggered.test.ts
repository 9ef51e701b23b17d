import assert from "node:assert/strict";
import { CancelledError, Event, sleep } from "../../mod.ts";
import { staggeredRace } from "../../net/staggered.ts";
import { runs, started, ticks } from "./_stream_kit.ts";

const never = () => new Event().wait();

runs("STAG-01: nothing to try gives no winner", async ({ loop }) => {
  assert.deepEqual(await staggeredRace(loop, [], null), [null, null, []]);
});

runs("STAG-02: the first that succeeds ends it, no second is started", async ({ loop }) => {
  let started = 0;
  const outcome = await staggeredRace(loop, [
    async (): Promise<string> => {
      await sleep(0);
      return "first";
    },
    (): string => {
      started++;
      return "second";
    },
  ], 3600);
  assert.deepEqual(outcome, ["first", 0, [null]]);
  assert.equal(started, 0);
});

runs("STAG-03: a failure starts the next at once", async ({ loop }) => {
  const error = new Error("first");
  const outcome = await staggeredRace(loop, [
    (): string => {
      throw error;
    },
    (): string => "second",
  ], 3600);
  assert.deepEqual(outcome, ["second", 1, [error, null]]);
});

runs(
  "STAG-04: one that takes too long gets company and is cancelled when it loses",
  async ({ loop }) => {
    const [value, index, errors] = await staggeredRace<unknown>(
      loop,
      [never, () => "second"],
      0.001,
    );
    assert.deepEqual([value, index, errors.length, errors[1]], ["second", 1, 2, null]);
    assert.ok(errors[0] instanceof CancelledError);
  },
);

runs("STAG-05: when all fail there is no winner, and all errors are there", async ({ loop }) => {
  const errors = [new Error("first"), new Error("second")];
  const attempts = errors.map((error) => (): never => {
    throw error;
  });
  assert.deepEqual(await staggeredRace(loop, attempts, 3600), [null, null, errors]);
});

runs("STAG-06: without a delay the next waits for the failure", async ({ loop }) => {
  const fail = new Event();
  const order: string[] = [];
  const [racing] = await started(() =>
    staggeredRace(loop, [
      async (): Promise<string> => {
        order.push("first");
        await fail.wait();
        throw new Error("first");
      },
      (): string => {
        order.push("second");
        return "second";
      },
    ], null)
  );
  await ticks(5);
  assert.deepEqual(order, ["first"]);
  fail.set();
  assert.deepEqual((await racing).slice(0, 2), ["second", 1]);
});

runs("STAGX-01: a success that comes too late is discarded", async ({ loop }) => {
  const discarded: string[] = [];
  const slow = async (): Promise<string> => {
    await never().catch(() => {});
    return "slow";
  };
  const outcome = await staggeredRace(
    loop,
    [slow, () => "quick"],
    0,
    (late) => discarded.push(late),
  );
  assert.deepEqual([outcome[0], outcome[1]], ["quick", 1]);
  assert.deepEqual(discarded, ["slow"]);
});

runs("STAGX-02: cancelling the race cancels its attempts", async ({ loop }) => {
  const ended: string[] = [];
  const attempt = (name: string) => async (): Promise<void> => {
    try {
      await never();
    } finally {
      ended.push(name);
    }
  };
  const [racing] = await started(() => staggeredRace(loop, [attempt("a"), attempt("b")], 0));
  await ticks(5);
  racing.cancel();
  await assert.rejects(async () => await racing, CancelledError);
  await ticks(3);
  assert.deepEqual(ended.sort(), ["a", "b"]);
});
