/** retry(): what tenacity documents, in virtual time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  FatalError,
  gather,
  getRunningLoop,
  KeyboardInterrupt,
  retry,
  sleep,
  timeout,
  TimeoutError,
  waitFor,
} from "../../../mod.ts";
import { cancelEverywhere } from "../../_support/cancel_everywhere.ts";
import { assertCancelled, runs } from "../../_support/sync.ts";

const now = () => getRunningLoop().time();

/** Fails so many times, then gives the number of the attempt. */
function flaky(failures: number): (attempt: number) => number {
  return (attempt) => {
    if (attempt <= failures) throw new Error(`failure ${attempt}`);
    return attempt;
  };
}

/** The seconds between the attempts of what always fails. */
async function pauses(options: Parameters<typeof retry>[1]): Promise<number[]> {
  const times: number[] = [];
  const failing = () => {
    times.push(now());
    throw new Error("always");
  };
  await assert.rejects(retry(failing, options), /always/);
  return times.slice(1).map((time, at) => Math.round((time - times[at]!) * 1e6) / 1e6);
}

runs("RETRY-01: what succeeds is called once", async () => {
  let calls = 0;
  assert.equal(await retry(() => ++calls), 1);
});

runs("RETRY-02: what fails is called again until it succeeds", async () => {
  assert.equal(await retry(flaky(2)), 3);
});

runs("RETRY-03: the attempts are numbered from 1 on", async () => {
  const numbers: number[] = [];
  await retry((attempt) => {
    numbers.push(attempt);
    if (attempt < 3) throw new Error("no");
  });
  assert.deepEqual(numbers, [1, 2, 3]);
});

runs("RETRY-04: after `attempts` the last error itself is thrown", async () => {
  const errors = [new Error("first"), new Error("second"), new Error("third")];
  const thrown = await retry((attempt) => {
    throw errors[attempt - 1];
  }, { attempts: 3 }).catch((error) => error);
  assert.equal(thrown, errors[2]);
});

runs("RETRY-05: the error says how many attempts there were", async () => {
  await assert.rejects(retry(flaky(9), { attempts: 4 }), { attempts: 4 });
});

runs("RETRY-06: attempts: 1 does not try again", async () => {
  await assert.rejects(retry(flaky(1), { attempts: 1 }), { message: "failure 1", attempts: 1 });
});

runs("RETRY-07: without options there are ten attempts", async () => {
  await assert.rejects(retry(flaky(99)), { attempts: 10 });
});

runs("RETRY-08: attempts may be Infinity", async () => {
  assert.equal(await retry(flaky(50), { attempts: Infinity, delay: 0 }), 51);
});

runs("RETRY-09: the waits grow by `factor`", async () => {
  const found = await pauses({ attempts: 5, delay: 1, factor: 3, jitter: false });
  assert.deepEqual(found, [1, 3, 9, 27]);
});

runs("RETRY-10: the factor is 2, and the first wait 0.1 s", async () => {
  assert.deepEqual(await pauses({ attempts: 4, jitter: false }), [0.1, 0.2, 0.4]);
});

runs("RETRY-11: no wait is longer than `maxDelay`", async () => {
  const found = await pauses({ attempts: 5, delay: 1, maxDelay: 3, jitter: false });
  assert.deepEqual(found, [1, 2, 3, 3]);
});

runs("RETRY-12: without `maxDelay` no wait is longer than 30 s", async () => {
  const found = await pauses({ attempts: 4, delay: 20, jitter: false });
  assert.deepEqual(found, [20, 30, 30]);
});

runs("RETRY-13: a factor of 1 waits the same each time", async () => {
  assert.deepEqual(await pauses({ attempts: 4, delay: 2, factor: 1, jitter: false }), [2, 2, 2]);
});

runs("RETRY-14: a delay of 0 does not wait", async () => {
  assert.deepEqual(await pauses({ attempts: 4, delay: 0 }), [0, 0, 0]);
});

runs("RETRY-15: durations may name their units", async () => {
  const found = await pauses({
    attempts: 3,
    delay: { milliseconds: 500 },
    maxDelay: { seconds: 1 },
    jitter: false,
  });
  assert.deepEqual(found, [0.5, 1]);
});

runs("RETRY-16: with jitter each wait is a random part of the whole", async () => {
  const found = await pauses({ attempts: 40, delay: 1, factor: 1 });
  assert.ok(found.every((seconds) => seconds >= 0 && seconds < 1));
  assert.ok(new Set(found).size > 10);
  assert.ok(Math.min(...found) < 0.5 && Math.max(...found) > 0.5);
});

runs("RETRY-17: a CancelledError is never retried", async () => {
  let calls = 0;
  const call = retry(() => {
    calls++;
    throw new CancelledError("mine");
  });
  await assert.rejects(call, CancelledError);
  assert.equal(calls, 1);
});

runs("RETRY-18: a FatalError is never retried", async () => {
  class Shutdown extends FatalError {}
  for (const error of [new Shutdown("disk full"), new KeyboardInterrupt()]) {
    let calls = 0;
    const call = retry(() => {
      calls++;
      throw error;
    }, { retryIf: () => true });
    assert.equal(await call.catch((thrown) => thrown), error);
    assert.equal(calls, 1);
  }
});

runs("RETRY-19: a TimeoutError of an attempt is retried", async () => {
  const value = await retry((attempt) =>
    timeout(1).with(() => sleep(attempt < 3 ? 5 : 0, attempt))
  );
  assert.equal(value, 3);
});

runs("RETRY-20: where retryIf says no the error is thrown at once", async () => {
  const errors: unknown[] = [];
  const options = { retryIf: (error: unknown) => (errors.push(error), false) };
  await assert.rejects(retry(flaky(5), options), { message: "failure 1", attempts: 1 });
  assert.equal(errors.length, 1);
});

runs("RETRY-21: retryIf may tell errors apart", async () => {
  const options = { retryIf: (error: unknown) => (error as Error).message !== "failure 3" };
  await assert.rejects(retry(flaky(5), options), { message: "failure 3", attempts: 3 });
});

runs("RETRY-22: what retryIf throws is thrown", async () => {
  const options = {
    retryIf: () => {
      throw new RangeError("in retryIf");
    },
  };
  await assert.rejects(retry(flaky(5), options), RangeError);
});

runs("RETRY-23: onRetry is given the error, the attempt that failed and the wait", async () => {
  const calls: unknown[] = [];
  await retry(flaky(2), {
    delay: 1,
    jitter: false,
    onRetry: (error, attempt, delay) => void calls.push([String(error), attempt, delay]),
  });
  assert.deepEqual(calls, [["Error: failure 1", 1, 1], ["Error: failure 2", 2, 2]]);
});

runs("RETRY-24: onRetry is awaited before the wait", async () => {
  const start = now();
  await retry(flaky(1), { delay: 1, jitter: false, onRetry: () => sleep(5) });
  assert.equal(now() - start, 6);
});

runs("RETRY-25: what onRetry throws ends the retries", async () => {
  const options = { onRetry: () => Promise.reject(new RangeError("in onRetry")) };
  await assert.rejects(retry(flaky(5), options), RangeError);
});

runs("RETRY-26: onRetry is not called after the last attempt", async () => {
  let calls = 0;
  await assert.rejects(retry(flaky(5), { attempts: 2, onRetry: () => calls++ }));
  assert.equal(calls, 1);
});

runs("RETRY-27: no attempt begins later than `within`", async () => {
  const start = now();
  const options = { delay: 4, factor: 1, jitter: false, within: 10 };
  await assert.rejects(retry(flaky(99), options), { attempts: 3 });
  // An attempt at 12 s would be too late, so it is not waited for.
  assert.equal(now() - start, 8);
});

runs("RETRY-28: with `within` and no attempts there are as many as fit", async () => {
  const options = { delay: 1, factor: 1, jitter: false, within: 99 };
  await assert.rejects(retry(flaky(1000), options), { attempts: 100 });
});

runs("RETRY-29: `within` does not end an attempt", async () => {
  assert.equal(await retry(() => sleep(50, "slow"), { within: 10 }), "slow");
});

runs("RETRY-30: within: null is no limit", async () => {
  await assert.rejects(retry(flaky(99), { within: null, delay: 50 }), { attempts: 10 });
});

runs("RETRY-31: a string that is thrown is retried, and thrown as it is", async () => {
  let calls = 0;
  const call = retry(() => {
    calls++;
    return Promise.reject("no");
  }, { attempts: 3 });
  assert.equal(await call.catch((error) => error), "no");
  assert.equal(calls, 3);
});

runs("RETRY-32: an error that is frozen is thrown as it is", async () => {
  const error = Object.freeze(new Error("cold"));
  const call = retry(() => Promise.reject(error), { attempts: 2 });
  assert.equal(await call.catch((thrown) => thrown), error);
});

runs("RETRY-33: a cancellation ends the wait between attempts", async () => {
  let calls = 0;
  const task = createTask(() =>
    retry(() => {
      calls++;
      throw new Error("no");
    }, { delay: 100, jitter: false })
  );
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.equal(calls, 1);
});

runs("RETRY-34: a cancellation ends an attempt, and no other follows", async () => {
  let calls = 0;
  const task = createTask(() =>
    retry(() => {
      calls++;
      return sleep(100);
    })
  );
  await sleep(1);
  task.cancel();
  await assertCancelled(task);
  assert.equal(calls, 1);
});

runs("RETRY-35: waitFor() over its promise cancels it", async () => {
  let calls = 0;
  const failing = () => {
    calls++;
    throw new Error("no");
  };
  await assert.rejects(waitFor(retry(failing, { delay: 100, jitter: false }), 1), TimeoutError);
  await sleep(1000);
  assert.equal(calls, 1);
});

runs("RETRY-36: misuse is refused before the first call", async () => {
  const never = () => assert.fail("it was called");
  await assert.rejects(retry(Promise.resolve() as unknown as () => void), TypeError);
  await assert.rejects(retry(never, { attempts: 0 }), RangeError);
  await assert.rejects(retry(never, { attempts: 1.5 }), RangeError);
  await assert.rejects(retry(never, { factor: -1 }), RangeError);
  await assert.rejects(retry(never, { delay: NaN }), RangeError);
  await assert.rejects(retry(never, { delay: "1" as unknown as number }), TypeError);
});

runs("RETRY-37: options of p-retry are told by their names here", async () => {
  const call = retry(() => {}, { retries: 3 } as object);
  await assert.rejects(call, /write attempts, which counts the first one too/);
});

test("RETRY-38: it works in plain code", async () => {
  assert.equal(await retry(flaky(2), { delay: 0 }), 3);
});

test("RETRY-39: wherever the program is cancelled, it is not tried again", async () => {
  const points = await cancelEverywhere(async () => {
    const work = (attempt: number) => sleep(1).then(() => flaky(2)(attempt));
    await gather([() => retry(work), () => retry(work)]);
  });
  assert.ok(points >= 12, `only ${points} points`);
});
