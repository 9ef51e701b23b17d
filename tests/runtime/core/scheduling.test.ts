import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  type EventLoop,
  Future,
  gather,
  getRunningLoop,
  Handle,
  run,
  shield,
  sleep,
  TaskGroup,
  TimerHandle,
  toThread,
  wait,
  waitFor,
} from "../../../mod.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { BaseEventLoop } from "../../../runtime/loop/base_event_loop.ts";
import { type Host, RuntimeHost } from "../../../runtime/core/host.ts";
import { runs, runsInRealTime, ticks, Trouble } from "../../_support/tasks.ts";
import { workModule } from "../../_support/threads.ts";

function loopOn(host: Host): EventLoop {
  return new BaseEventLoop({ host }).publicLoop;
}

runs("LOOP-01: callSoon() runs callbacks once, in order, with their arguments", async (loop) => {
  const log: unknown[] = [];
  const handle = loop.callSoon((...args: unknown[]) => log.push(args), 1, "a");
  loop.callSoon(() => log.push("second"));
  assert.ok(handle instanceof Handle);
  assert.deepEqual(log, []);
  await ticks(3);
  assert.deepEqual(log, [[1, "a"], "second"]);
});

runs("LOOP-02: what a callback schedules runs in the following iteration", async (loop) => {
  const log: string[] = [];
  loop.callSoon(() => {
    log.push("first");
    loop.callSoon(() => log.push("from the first"));
  });
  loop.callSoon(() => log.push("second"));
  await ticks(1);
  assert.deepEqual(log, ["first", "second"]);
  await ticks(1);
  assert.deepEqual(log, ["first", "second", "from the first"]);
});

runs("LOOP-03: callLater() and callAt() give a TimerHandle with its time", async (loop) => {
  await sleep(5);
  const later = loop.callLater(2, () => {});
  const at = loop.callAt(8, () => {});
  assert.ok(later instanceof TimerHandle);
  assert.deepEqual([later.when(), at.when()], [7, 8]);
  await sleep(4);
});

runs("LOOP-03: a delay may be a duration", (loop) => {
  const handle = loop.callLater({ minutes: 1, milliseconds: 500 }, () => {});
  assert.equal(handle.when(), 60.5);
  handle.cancel();
});

runs("LOOP-03: arguments arrive in timed callbacks", async (loop) => {
  const log: unknown[] = [];
  loop.callLater(1, (...args: unknown[]) => log.push(args), "later", 1);
  loop.callAt(2, (...args: unknown[]) => log.push(args), "at", 2);
  await sleep(3);
  assert.deepEqual(log, [["later", 1], ["at", 2]]);
});

runs("LOOP-03: no time is a TypeError, NaN a RangeError", (loop) => {
  for (const wrong of [null, undefined, "1"] as unknown as number[]) {
    assert.throws(() => loop.callLater(wrong, () => {}), TypeError);
    assert.throws(() => loop.callAt(wrong, () => {}), TypeError);
  }
  assert.throws(() => loop.callLater(NaN, () => {}), RangeError);
  assert.throws(() => loop.callAt(NaN, () => {}), RangeError);
});

runs("LOOP-03: past times run next, the earlier one first, after what was ready", async (loop) => {
  const log: string[] = [];
  loop.callLater(-1, () => log.push("-1"));
  loop.callLater(-2, () => log.push("-2"));
  loop.callSoon(() => log.push("soon"));
  await ticks(1);
  await ticks(1);
  assert.deepEqual(log, ["soon", "-2", "-1"]);
});

runsInRealTime("LOOP-04: a timer never fires ahead of its time", async (loop) => {
  const early: number[] = [];
  const fired = new Future<void>();
  let left = 40;
  for (let i = 0; i < 40; i++) {
    const when = loop.time() + i * 0.0007;
    loop.callAt(when, () => {
      if (loop.time() < when) early.push(when - loop.time());
      if (--left === 0) fired.setResult();
    });
  }
  await fired;
  assert.deepEqual(early, []);
});

runsInRealTime("LOOP-04: sleep() lasts at least as long as it was told", async (loop) => {
  for (const seconds of [0.0001, 0.001, 0.0034, 0.01]) {
    const start = loop.time();
    await sleep(seconds);
    assert.ok(loop.time() - start >= seconds, `${seconds}`);
  }
});

/** Counts how often the loop went to rest. */
class CountingHost extends RuntimeHost {
  parks = 0;

  override park(deadline: number | null, wake: () => void): void {
    this.parks++;
    super.park(deadline, wake);
  }
}

test("LOOP-05: very short sleeps take a couple of iterations each", async () => {
  const host = new CountingHost();
  await run(async () => {
    for (let exponent = 2; exponent <= 10; exponent++) await sleep(10 ** -exponent);
  }, { loopFactory: () => loopOn(host) });
  // Nine sleeps; a timer may come up to once too early, and starting and closing cost some.
  assert.ok(host.parks <= 9 * 2 + 6, `${host.parks} rests`);
});

/** A clock that only the test moves. */
class StillHost extends RuntimeHost {
  time = 0;
  readonly deadlines: (number | null)[] = [];
  #wake: () => void = () => {};

  override now(): number {
    return this.time;
  }

  override tick(): number {
    return Math.floor(this.time * 1000);
  }

  override park(deadline: number | null, wake: () => void): void {
    this.deadlines.push(deadline);
    this.#wake = wake;
  }

  override unpark(): void {
    this.#wake = () => {};
  }

  /** Moves the clock and wakes the loop, as the armed timer would; resolves when the loop rests again. */
  async moveTo(time: number): Promise<void> {
    this.time = time;
    this.#wake();
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

test("LOOP-06: cancelled timers in front do not decide how long the loop rests", async () => {
  const host = new StillHost();
  const loop = loopOn(host);
  const first = loop.callAt(10, () => {});
  const second = loop.callAt(20, () => {});
  const third = loop.callAt(30, () => loop.stop());
  const running = loop.runForever();
  await host.moveTo(1);
  assert.equal(host.deadlines.at(-1), 10);
  first.cancel();
  second.cancel();
  await host.moveTo(2);
  assert.equal(host.deadlines.at(-1), 30);
  assert.equal(third.when(), 30);
  await host.moveTo(30);
  await running;
  loop.close();
});

runs(
  "LOOP-07: when more than half of over a hundred timers are cancelled, they are forgotten",
  async (loop) => {
    const { scheduler } = loop[core];
    const handles = Array.from(
      { length: 120 },
      (_, index) => loop.callLater(100 + index, () => {}),
    );
    assert.equal(scheduler.timerCount, 120);
    for (const handle of handles.slice(60)) {
      handle.cancel();
    }
    await ticks();
    assert.equal(scheduler.timerCount, 120);
    handles[59]!.cancel();
    await ticks();
    assert.equal(scheduler.timerCount, 59);
    for (const handle of handles) handle.cancel();
  },
);

runs("LOOP-07: the timers of cancelled sleeps are forgotten just so", async (loop) => {
  const { scheduler } = loop[core];
  const tasks = Array.from({ length: 500 }, () => createTask(() => sleep(1000)));
  await ticks();
  for (const task of tasks) task.cancel();
  await wait(tasks);
  assert.ok(scheduler.timerCount <= 100, `${scheduler.timerCount} are left`);
});

runs("LOOP-08: a handle that is cancelled is not run, however it was scheduled", async (loop) => {
  let calls = 0;
  const count = () => calls++;
  const handles = [
    loop.callSoon(count),
    loop.callSoonThreadsafe(count),
    loop.callLater(0, count),
    loop.callLater(1, count),
    loop.callAt(2, count),
  ];
  for (const handle of handles) handle.cancel();
  await sleep(3);
  assert.equal(calls, 0);
});

runs("LOOP-08: a callback may cancel a later one of its batch", async (loop) => {
  const log: string[] = [];
  loop.callSoon(() => later.cancel());
  const later = loop.callSoon(() => log.push("cancelled"));
  loop.callSoon(() => log.push("third"));
  await ticks();
  assert.deepEqual(log, ["third"]);
});

runs("LOOP-08: a timer that is due already can still be cancelled", async (loop) => {
  const log: string[] = [];
  loop.callAt(1, () => second.cancel());
  const second = loop.callAt(1, () => log.push("cancelled"));
  await sleep(2);
  assert.deepEqual(log, []);
});

runs("LOOP-09: cancel() may be repeated and shows in cancelled()", (loop) => {
  for (const handle of [loop.callSoon(() => {}), loop.callLater(1, () => {})]) {
    assert.equal(handle.cancelled(), false);
    handle.cancel();
    assert.equal(handle.cancelled(), true);
    handle.cancel();
    assert.equal(handle.cancelled(), true);
  }
});

runs("LOOP-09: a handle that ran is not a cancelled one", async (loop) => {
  const handle = loop.callSoon(() => {});
  await ticks();
  assert.equal(handle.cancelled(), false);
});

runs("LOOP-11: timers order by when()", (loop) => {
  const handles = [3, 1, 2].map((when) => loop.callAt(when, () => {}));
  const sorted = handles.toSorted((a, b) => a.when() - b.when());
  assert.deepEqual(sorted.map((handle) => handle.when()), [1, 2, 3]);
  for (const handle of handles) handle.cancel();
});

runs("LOOP-12: a handle prints its callback, or that it is cancelled", (loop) => {
  function noop(): void {}
  const handle = loop.callSoon(noop);
  assert.equal(String(handle), "<Handle noop()>");
  handle.cancel();
  assert.equal(String(handle), "<Handle cancelled>");
  const timer = loop.callAt(123, noop);
  assert.equal(String(timer), "<TimerHandle when=123 noop()>");
  timer.cancel();
  assert.equal(String(timer), "<TimerHandle cancelled when=123>");
});

runs("LOOP-12: in debug mode a handle prints arguments and creation, cancelled or not", (loop) => {
  loop.setDebug(true);
  function noop(..._args: unknown[]): void {}
  const created = String.raw` created at .*scheduling\.test\.[jt]s:\d+(:\d+)?`;
  const handle = loop.callSoon(noop, 1, "a");
  assert.match(String(handle), new RegExp(`^<Handle noop\\(1, "a"\\)${created}>$`));
  handle.cancel();
  assert.match(String(handle), new RegExp(`^<Handle cancelled noop\\(1, "a"\\)${created}>$`));
  handle.cancel();
  assert.match(String(handle), new RegExp(`^<Handle cancelled noop\\(1, "a"\\)${created}>$`));
  const timer = loop.callAt(123, noop);
  assert.match(String(timer), new RegExp(`^<TimerHandle when=123 noop\\(\\)${created}>$`));
  timer.cancel();
});

for (const method of ["callSoon", "callSoonThreadsafe", "callLater"] as const) {
  runs(
    `LOOP-13: in debug mode the stack of a handle ends at the caller of ${method}()`,
    async (loop, reports) => {
      loop.setDebug(true);
      const fail = (): never => {
        throw new Trouble();
      };
      function schedule(): void {
        if (method === "callLater") loop.callLater(0, fail);
        else loop[method](fail);
        assert.ok(loop.isRunning());
      }
      schedule();
      await ticks(3);
      const stack = reports.splice(0)[0]!["sourceTraceback"] as string[];
      assert.match(stack.at(-1)!, /schedule.*scheduling\.test/);
    },
  );
}

runs("LOOP-16: callSoonThreadsafe() keeps the order of the calls", async (loop) => {
  const log: number[] = [];
  loop.callSoonThreadsafe(() => log.push(1));
  loop.callSoon(() => log.push(2));
  loop.callSoonThreadsafe(() => log.push(3));
  await ticks();
  assert.deepEqual(log, [1, 2, 3]);
});

test("LOOP-16: callSoonThreadsafe() wakes a loop that rests", async () => {
  const loop = loopOn(new RuntimeHost());
  const running = loop.runForever();
  await new Promise((resolve) => setTimeout(resolve, 5));
  loop.callSoonThreadsafe(() => loop.stop());
  await running;
  assert.equal(loop.isRunning(), false);
  loop.close();
});

runsInRealTime("LOOP-16: calls from a worker thread arrive in their order", async () => {
  const log: number[] = [];
  await toThread(workModule.postSoon, (n: number) => void log.push(n), 5);
  assert.deepEqual(log, [...log].sort());
  assert.equal(log.length, 5);
});

runs("LOOP-18: scheduling what is no function is a TypeError that names the method", (loop) => {
  const wrong = 1 as unknown as () => void;
  for (const debug of [false, true]) {
    loop.setDebug(debug);
    assert.throws(() => loop.callSoon(wrong), { name: "TypeError", message: /callSoon\(\)/ });
    assert.throws(() => loop.callSoonThreadsafe(wrong), {
      name: "TypeError",
      message: /callSoonThreadsafe\(\)/,
    });
    assert.throws(() => loop.callLater(1, wrong), { name: "TypeError", message: /callLater\(\)/ });
    assert.throws(() => loop.callAt(1, wrong), { name: "TypeError", message: /callAt\(\)/ });
  }
});

runs("LOOP-18: a promise in place of a callback is a TypeError that says so", (loop) => {
  const promise = Promise.resolve() as unknown as () => void;
  assert.throws(() => loop.callSoon(promise), {
    name: "TypeError",
    message: /the callback must be a function, received a promise/,
  });
});

runs(
  "LOOP-18: an async callback is welcome, and its rejection is reported",
  async (loop, reports) => {
    loop.callSoon(async () => {
      await sleep(0);
      throw new Trouble("async");
    });
    await ticks(4);
    const [report] = reports.splice(0);
    assert.ok(report!.exception instanceof Trouble);
    assert.ok(report!.handle instanceof Handle);
  },
);

runs(
  "LOOP-51: in an iteration earlier callSoon() calls come first, then timers by time",
  async (loop) => {
    const log: string[] = [];
    loop.callAt(-1, () => log.push("timer -1"));
    loop.callAt(-3, () => {
      log.push("timer -3");
      loop.callSoon(() => log.push("added by timer -3"));
      loop.callAt(-5, () => log.push("timer -5, added by timer -3"));
    });
    loop.callAt(-2, () => log.push("timer -2"));
    loop.callSoon(() => log.push("soon 1"));
    loop.callSoon(() => log.push("soon 2"));
    await ticks(3);
    assert.deepEqual(log, [
      "soon 1",
      "soon 2",
      "timer -3",
      "timer -2",
      "timer -1",
      "added by timer -3",
      "timer -5, added by timer -3",
    ]);
  },
);

runs("LOOP-52: timers set for one and the same time all fire together", async (loop) => {
  const fired: [number, number][] = [];
  for (let i = 0; i < 20; i++) loop.callAt(1, () => fired.push([i, loop.time()]));
  await sleep(2);
  assert.deepEqual(new Set(fired.map(([index]) => index)).size, 20);
  assert.ok(fired.every(([, time]) => time === 1));
});

runs("LOOP-53: a done callback that throws is reported, the others run", async (_loop, reports) => {
  const future = new Future<void>();
  const log: string[] = [];
  future.addDoneCallback(() => log.push("first"));
  future.addDoneCallback(function breaks() {
    throw new Trouble();
  });
  future.addDoneCallback(() => log.push("third"));
  future.setResult();
  await ticks();
  assert.deepEqual(log, ["first", "third"]);
  const [report, ...more] = reports.splice(0);
  assert.equal(report!.message, "Exception in callback breaks()");
  assert.ok(report!.exception instanceof Trouble);
  assert.deepEqual(more, []);
});

/** How many iterations after the future's end whoever waits for it by `waitForIt` resumes. */
async function iterationsUntilResumed(
  loop: EventLoop,
  waitForIt: (future: Future<void>) => PromiseLike<unknown>,
): Promise<number> {
  const future = new Future<void>();
  let iterations = 0;
  let counting = true;
  let finishedAt = -1;
  const count = (): void => {
    iterations++;
    if (counting) loop.callSoon(count);
    if (iterations === 3) {
      finishedAt = iterations;
      future.setResult();
    }
  };
  loop.callSoon(count);
  const resumedAt = await (async () => {
    await waitForIt(future);
    return iterations;
  })();
  counting = false;
  await ticks();
  return resumedAt - finishedAt;
}

runs(
  "LOOP-54: awaiting a future resumes in the next iteration, inline coroutines with it",
  async (loop) => {
    const awaiting = async (future: Future<void>): Promise<void> => await future;
    assert.equal(await iterationsUntilResumed(loop, (future) => future), 1);
    assert.equal(await iterationsUntilResumed(loop, awaiting), 1);
    assert.equal(await iterationsUntilResumed(loop, (future) => awaiting(future)), 1);
    assert.equal(await iterationsUntilResumed(loop, (future) => waitFor(future, 100)), 1);
    assert.equal(
      await iterationsUntilResumed(loop, (future) => waitFor(() => awaiting(future), 100)),
      1,
    );
  },
);

runs(
  "LOOP-54: gather, wait and shield resume one iteration later, a group after its task",
  async (loop) => {
    assert.equal(await iterationsUntilResumed(loop, (future) => gather([future])), 2);
    assert.equal(await iterationsUntilResumed(loop, (future) => wait([future])), 2);
    assert.equal(await iterationsUntilResumed(loop, (future) => shield(future)), 2);
    assert.equal(
      await iterationsUntilResumed(loop, (future) => createTask(async () => await future)),
      2,
    );
    assert.equal(
      await iterationsUntilResumed(
        loop,
        (future) =>
          new TaskGroup().with((group) => {
            group.createTask(async () => await future);
          }),
      ),
      3,
    );
  },
);

// ── what CPython's suite does not ask

/** setTimeout in the test's hand: notes the delays, and fires on demand. */
class FakeTimers {
  readonly delays: number[] = [];
  #fire: (() => void) | null = null;

  async during(body: () => Promise<void>): Promise<void> {
    const { setTimeout, clearTimeout } = globalThis;
    const fake = (callback: () => void, milliseconds: number): object => {
      this.delays.push(milliseconds);
      this.#fire = callback;
      return {};
    };
    Object.assign(globalThis, { setTimeout: fake, clearTimeout: () => {} });
    try {
      await body();
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    }
  }

  fire(): void {
    const fire = this.#fire!;
    this.#fire = null;
    fire();
  }
}

class ClockHost extends RuntimeHost {
  time = 0;

  override now(): number {
    return this.time;
  }

  override tick(): number {
    return Math.floor(this.time * 1000);
  }
}

/** Lets the loop get to rest, without timers. */
async function rest(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test("TIMER-01: a timer of more than 24 days holds, past the longest that a runtime takes", async () => {
  const LONGEST = 2 ** 31 - 1;
  const host = new ClockHost();
  const loop = loopOn(host);
  const timers = new FakeTimers();
  await timers.during(async () => {
    let fired = false;
    const days = 60;
    loop.callLater({ days }, () => {
      fired = true;
      loop.stop();
    });
    const running = loop.runForever();
    await rest();
    let rounds = 0;
    while (!fired) {
      const delay = timers.delays.at(-1)!;
      assert.ok(delay <= LONGEST, `setTimeout(${delay}) would fire at once`);
      assert.ok(++rounds < 10, "it is not re-armed in long steps");
      host.time += delay / 1000;
      timers.fire();
      await rest();
      if (host.time < days * 86400) assert.equal(fired, false);
    }
    await running;
    assert.equal(rounds, 3);
  });
  loop.close();
});

test("TIMER-01: a timer that never comes due leaves the loop usable", async () => {
  await run(async () => {
    const loop = getRunningLoop();
    const handle = loop.callLater(1e12, () => {});
    const endless = createTask(() => sleep(Infinity));
    assert.equal(await sleep(0.001, "works"), "works");
    handle.cancel();
    endless.cancel();
  });
});

test("TIMER-02: one host timer at most is armed, for the earliest deadline", async () => {
  const host = new ClockHost();
  const loop = loopOn(host);
  const timers = new FakeTimers();
  await timers.during(async () => {
    for (let i = 0; i < 50; i++) loop.callLater(100 + i, () => {});
    loop.callLater(1, () => loop.stop());
    const running = loop.runForever();
    await rest();
    assert.deepEqual(timers.delays, [1000]);
    host.time = 1;
    timers.fire();
    await running;
  });
  loop.close();
});
