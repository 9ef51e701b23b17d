import test from "node:test";
import assert from "node:assert/strict";
import { AssertionError } from "node:assert";
import { DeadlockError, explore, LeakError, runTest } from "../../testing/mod.ts";
import { abba } from "./fixtures/abba.ts";
import { forgottenRelease } from "./fixtures/forgotten_release.ts";
import { leakedTask } from "./fixtures/leaked_task.ts";
import { lostWakeUp } from "./fixtures/lost_wake_up.ts";
import { twoWriters } from "./fixtures/two_writers.ts";

type ErrorClass = new (...args: never[]) => Error;

const planted: [name: string, main: () => Promise<void>, error: ErrorClass, tells: RegExp][] = [
  ["a lost wake-up", lostWakeUp, DeadlockError, /task "second" .*waits since 0\.000/],
  ["a race between two writers", twoWriters, AssertionError, /b begins/],
  ["a forgotten release", forgottenRelease, DeadlockError, /Semaphore/],
  [
    "an ABBA deadlock",
    abba,
    DeadlockError,
    /wait for each other: ("there" for "back"|"back" for "there")/,
  ],
  ["a leaked task", leakedTask, LeakError, /task "refresher"/],
];

async function failureOf(main: () => Promise<unknown>): Promise<Error> {
  try {
    await main();
  } catch (error) {
    return error as Error;
  }
  throw new Error("it did not fail");
}

for (const [name, main, error, tells] of planted) {
  test(`TEST-40: ${name} hides from the order of production`, async () => {
    assert.equal(await runTest(main), undefined);
  });

  test(`TEST-41: explore finds ${name} within 1,000 runs`, async () => {
    const failure = await failureOf(() => explore(main, { runs: 1000 }));
    assert.ok(failure instanceof error, String(failure));
    assert.match(failure.message, tells);
    assert.match(
      failure.message,
      new RegExp(`await runTest\\(${main.name}, \\{ seed: \\d+ \\}\\)`),
    );
  });

  test(`TEST-42: the line that explore prints replays ${name}`, async () => {
    const found = await failureOf(() => explore(main, { runs: 1000 }));
    const seed = Number(/seed: (\d+)/.exec(found.message)?.[1]);
    const replayed = await failureOf(() => runTest(main, { seed }));
    assert.equal(replayed.constructor, found.constructor);
    const head = (message: string) => message.split("\n")[0];
    assert.equal(head(replayed.message), head(found.message));
  });
}
