import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  Event,
  FatalError,
  Future,
  getRunningLoop,
  run,
  sleep,
} from "../../../mod.ts";
import { staggeredRace } from "../../../runtime/combinators/staggered.ts";
import { assertCancelled, runs, ticks, Trouble } from "../../_support/tasks.ts";
import { hasTimers, virtualLoop } from "../../_support/virtual_loop.ts";

const never = () => new Event().wait();

/** An attempt that takes some seconds and then succeeds with its name, or fails. */
function attempt(seconds: number, outcome: string | Error, log: string[] = []) {
  return async (): Promise<string> => {
    log.push(`start ${outcome instanceof Error ? outcome.message : outcome}`);
    await sleep(seconds);
    if (outcome instanceof Error) throw outcome;
    return outcome;
  };
}

runs("STAG-01: nothing to try gives no winner", async (loop) => {
  assert.deepEqual(await staggeredRace(loop, [], null), [null, null, []]);
  assert.deepEqual(await staggeredRace(loop, [], 1), [null, null, []]);
});

runs("STAG-02: the first that succeeds ends it, no second is started", async (loop) => {
  const log: string[] = [];
  const attempts = [attempt(1, "first", log), attempt(0, "second", log)];
  assert.deepEqual(await staggeredRace(loop, attempts, 10), ["first", 0, [null]]);
  assert.deepEqual(log, ["start first"]);
  assert.equal(loop.time(), 1);
  assert.equal(hasTimers(loop), false);
});

runs("STAG-03: a failure starts the next at once", async (loop) => {
  const error = new Trouble("first");
  const attempts = [attempt(1, error), attempt(1, "second")];
  assert.deepEqual(await staggeredRace(loop, attempts, 10), ["second", 1, [error, null]]);
  assert.equal(loop.time(), 2);
});

runs("STAG-03: so does one that throws before it awaits anything", async (loop) => {
  const error = new Trouble("first");
  const attempts = [
    (): string => {
      throw error;
    },
    (): string => "second",
  ];
  assert.deepEqual(await staggeredRace(loop, attempts, 10), ["second", 1, [error, null]]);
  assert.equal(loop.time(), 0);
});

runs(
  "STAG-04: one that takes too long gets company and is cancelled when it loses",
  async (loop) => {
    const attempts = [attempt(100, "slow"), attempt(1, "quick")];
    const [value, index, errors] = await staggeredRace(loop, attempts, { seconds: 5 });
    assert.deepEqual([value, index, errors.length, errors[1]], ["quick", 1, 2, null]);
    assert.ok(errors[0] instanceof CancelledError);
    assert.equal(loop.time(), 6);
    assert.equal(hasTimers(loop), false);
  },
);

runs("STAG-04: the one that takes long may win all the same", async (loop) => {
  const attempts = [attempt(6, "slow"), attempt(100, "slower"), attempt(1, "not started")];
  const [value, index, errors] = await staggeredRace(loop, attempts, 5);
  assert.deepEqual([value, index, errors.length, errors[0]], ["slow", 0, 2, null]);
  assert.ok(errors[1] instanceof CancelledError);
});

runs("STAG-04: the race is over when the losers have unwound", async (loop) => {
  const slow = async (): Promise<string> => {
    try {
      await sleep(100);
    } finally {
      await sleep(3);
    }
    return "slow";
  };
  await staggeredRace(loop, [slow, attempt(1, "quick")], 5);
  assert.equal(loop.time(), 9);
});

runs("STAG-05: when all fail there is no winner, and all errors are there", async (loop) => {
  const errors = [new Trouble("first"), new Trouble("second"), new Trouble("third")];
  const attempts = errors.map((error) => attempt(1, error));
  assert.deepEqual(await staggeredRace(loop, attempts, 10), [null, null, errors]);
  assert.equal(loop.time(), 3);
});

runs(
  "STAG-05: an early one that is still at work is waited for when the last has failed",
  async (loop) => {
    const errors = [new Trouble("first"), new Trouble("second")];
    const attempts = [attempt(10, errors[0]!), attempt(1, errors[1]!)];
    assert.deepEqual(await staggeredRace(loop, attempts, 2), [null, null, errors]);
    assert.equal(loop.time(), 10);
  },
);

runs("STAG-06: without a delay the next waits for the failure", async (loop) => {
  const log: string[] = [];
  const error = new Trouble("first");
  const attempts = [attempt(1000, error, log), attempt(1, "second", log)];
  const race = createTask(() => staggeredRace(loop, attempts, null));
  await sleep(999);
  assert.deepEqual(log, ["start first"]);
  assert.deepEqual(await race, ["second", 1, [error, null]]);
});

runs("STAG-06: a failure of the one before the last starts nothing more", async (loop) => {
  const log: string[] = [];
  const attempts = [
    attempt(4, new Trouble("first"), log),
    attempt(100, "second", log),
    attempt(1, "third", log),
  ];
  const race = createTask(() => staggeredRace(loop, attempts, 3));
  await sleep(5);
  assert.deepEqual(log, ["start first", "start second"]);
  const [value, index] = await race;
  assert.deepEqual([value, index], ["third", 2]);
  assert.equal(loop.time(), 7);
});

runs("STAGX-01: a success that comes too late is discarded", async (loop) => {
  const discarded: string[] = [];
  const stubborn = async (): Promise<string> => {
    await never().catch(() => {});
    return "late";
  };
  const attempts = [stubborn, attempt(0, "quick")];
  const [value, index] = await staggeredRace(loop, attempts, 0, (late) => discarded.push(late));
  assert.deepEqual([value, index], ["quick", 1]);
  assert.deepEqual(discarded, ["late"]);
});

runs("STAGX-02: cancelling the race cancels its attempts", async (loop) => {
  const ended: string[] = [];
  const waiting = (name: string) => async (): Promise<void> => {
    try {
      await never();
    } finally {
      ended.push(name);
    }
  };
  const race = createTask(() => staggeredRace(loop, [waiting("a"), waiting("b")], 0));
  await ticks(5);
  race.cancel();
  await assertCancelled(race);
  await ticks(3);
  assert.deepEqual(ended.sort(), ["a", "b"]);
});

runs(
  "STAGX-03: what was won is discarded when the race is cancelled before it can give it",
  async (loop) => {
    const discarded: string[] = [];
    const unwinding = new Future<void>();
    const slow = async (): Promise<string> => {
      try {
        await never();
      } finally {
        await unwinding;
      }
      return "not reached";
    };
    const attempts = [slow, attempt(0, "won")];
    const race = createTask(() => staggeredRace(loop, attempts, 0, (late) => discarded.push(late)));
    await ticks(8);
    race.cancel();
    await assertCancelled(race);
    assert.deepEqual(discarded, ["won"]);
  },
);

test("STAGX-04: a fatal error in an attempt ends the run with it", async () => {
  const fatal = new FatalError("enough");
  const main = async () => {
    const attempts = [
      (): string => {
        throw fatal;
      },
      attempt(1, "second"),
    ];
    await staggeredRace(getRunningLoop(), attempts, 10);
  };
  await assert.rejects(run(main, { loopFactory: virtualLoop }), (error) => error === fatal);
});
