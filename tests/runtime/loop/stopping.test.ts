/** stopSignals, grace, shutdownSignal() and signalsReceived(), with signals that the process sends itself. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  getRunningLoop,
  KeyboardInterrupt,
  run,
  Runner,
  type RunOptions,
  RuntimeError,
  shutdownSignal,
  signalsReceived,
  sleep,
  timeout,
  TimeoutError,
  withSignal,
} from "../../../mod.ts";

const send = (signal: string) => process.kill(process.pid, signal as NodeJS.Signals);

/** Listeners of the test runner's own. */
const listeners = process.listenerCount("SIGUSR2");

/** Waits until `shutdownSignal()` aborts. */
async function asked(): Promise<void> {
  const signal = shutdownSignal();
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
}

/** A program that asks itself to stop, drains for so many seconds, and tells what happened. */
function program(seconds: number, log: string[], signals = ["SIGTERM"]) {
  return async () => {
    createTask(async () => {
      for (const signal of signals) {
        send(signal);
        await sleep(0.02);
      }
    });
    try {
      await asked();
      log.push("asked");
      await sleep(seconds);
      log.push("drained");
      return "value";
    } catch (error) {
      log.push((error as Error).name);
      throw error;
    }
  };
}

const both: RunOptions = { stopSignals: ["SIGTERM", "SIGUSR2"], grace: 30 };

test("STOP-01: after a stop signal main may drain, and run() resolves to its value", async () => {
  const log: string[] = [];
  assert.equal(await run(program(0.02, log), both), "value");
  assert.deepEqual(log, ["asked", "drained"]);
});

test("STOP-02: any of the stop signals asks the run to stop", async () => {
  const log: string[] = [];
  assert.equal(await run(program(0, log, ["SIGUSR2"]), both), "value");
  assert.deepEqual(log, ["asked", "drained"]);
});

test("STOP-03: when the grace is over main is cancelled", async () => {
  const log: string[] = [];
  await assert.rejects(run(program(30, log), { ...both, grace: 0.02 }), KeyboardInterrupt);
  assert.deepEqual(log, ["asked", "CancelledError"]);
});

test("STOP-04: the KeyboardInterrupt names the signal", async () => {
  const running = run(program(30, []), { ...both, grace: 0.02 });
  await assert.rejects(running, { signal: "SIGTERM", message: "interrupted by SIGTERM" });
});

test("STOP-05: a further signal cancels at once, and is the one that is named", async () => {
  const log: string[] = [];
  await assert.rejects(run(program(30, log, ["SIGTERM", "SIGUSR2"]), both), { signal: "SIGUSR2" });
  assert.deepEqual(log, ["asked", "CancelledError"]);
});

test("STOP-06: the same signal once more cancels at once, too", async () => {
  const running = run(program(30, [], ["SIGTERM", "SIGTERM"]), both);
  await assert.rejects(running, { signal: "SIGTERM" });
});

test("STOP-07: without a grace the first signal cancels, and aborts shutdownSignal()", async () => {
  let aborted = false;
  const main = async () => {
    const signal = shutdownSignal();
    send("SIGTERM");
    try {
      await sleep(30);
    } finally {
      aborted = signal.aborted;
    }
  };
  await assert.rejects(run(main, { stopSignals: ["SIGTERM"] }), { signal: "SIGTERM" });
  assert.equal(aborted, true);
});

test("STOP-08: a grace of null has no limit", async () => {
  assert.equal(await run(program(0.05, []), { ...both, grace: null }), "value");
});

test("STOP-09: a grace of 0 cancels in the next iteration", async () => {
  const log: string[] = [];
  await assert.rejects(run(program(30, log), { ...both, grace: 0 }), KeyboardInterrupt);
});

test("STOP-10: the grace may name its unit", async () => {
  const options = { ...both, grace: { milliseconds: 10 } };
  await assert.rejects(run(program(30, []), options), KeyboardInterrupt);
});

test("STOP-11: a main that takes its cancellation and returns gives its value", async () => {
  const main = async () => {
    send("SIGTERM");
    try {
      await sleep(30);
    } catch {
      return "kept";
    }
    return "not reached";
  };
  assert.equal(await run(main, { stopSignals: ["SIGTERM"] }), "kept");
});

test("STOP-12: a main that fails while it drains rejects with its error", async () => {
  const main = async () => {
    send("SIGTERM");
    await asked();
    throw new RangeError("in the drain");
  };
  await assert.rejects(run(main, both), RangeError);
});

test("STOP-13: shutdownSignal() is the same signal in the whole run", async () => {
  await run(async () => {
    const signal = shutdownSignal();
    const task = createTask(() => shutdownSignal());
    assert.equal(await task, signal);
    assert.equal(signal.aborted, false);
  });
});

test("STOP-14: shutdownSignal() that is first asked for afterwards is aborted", async () => {
  const main = async () => {
    const first = shutdownSignal();
    send("SIGTERM");
    while (!first.aborted) await sleep(0.001);
    return shutdownSignal().aborted;
  };
  assert.equal(await run(main, both), true);
});

test("STOP-15: its reason is an AbortError that names the signal", async () => {
  const main = async () => {
    send("SIGTERM");
    await asked();
    return shutdownSignal().reason;
  };
  const reason = await run(main, both) as DOMException;
  assert.equal(reason.name, "AbortError");
  assert.match(reason.message, /SIGTERM/);
});

test("STOP-16: withSignal() with it ends a body, and main goes on", async () => {
  const main = async () => {
    send("SIGTERM");
    await withSignal(shutdownSignal(), () => sleep(30)).catch(() => {});
    return "drained";
  };
  assert.equal(await run(main, both), "drained");
});

test("STOP-17: the signal option of run() aborts it with its reason", async () => {
  const stop = new AbortController();
  let reason: unknown = null;
  const main = async () => {
    const signal = shutdownSignal();
    stop.abort("enough");
    try {
      await sleep(30);
    } finally {
      reason = signal.reason;
    }
  };
  await assert.rejects(run(main, { signal: stop.signal }), CancelledError);
  assert.equal(reason, "enough");
});

test("STOP-18: outside run() it never aborts", async () => {
  assert.equal(shutdownSignal().aborted, false);
  await run(program(0, []), both);
  assert.equal(shutdownSignal().aborted, false);
});

test("STOP-19: a later run starts anew", async () => {
  await run(program(0, []), both);
  assert.equal(await run(() => shutdownSignal().aborted, both), false);
});

test("STOP-20: so does a later main of the same Runner", async () => {
  await new Runner(both).with(async (runner) => {
    await runner.run(program(0, []));
    assert.equal(await runner.run(() => shutdownSignal().aborted), false);
  });
});

test("STOP-21: of runs side by side each has its own grace", async () => {
  const impatient = run(async () => await sleep(30), { stopSignals: ["SIGTERM"] });
  const patient = run(async () => {
    send("SIGTERM");
    await asked();
    return "drained";
  }, both);
  await assert.rejects(impatient, KeyboardInterrupt);
  assert.equal(await patient, "drained");
});

test("STOP-22: a handler of the loop takes a stop signal over", async () => {
  const main = async () => {
    const loop = getRunningLoop();
    const heard = loop.createFuture<string>();
    loop.addSignalHandler("SIGTERM", () => heard.setResult("by the loop"));
    send("SIGTERM");
    return [await heard, shutdownSignal().aborted];
  };
  assert.deepEqual(await run(main, both), ["by the loop", false]);
});

test("STOP-23: stop signals count also where the program has a listener of its own", async () => {
  const heard: string[] = [];
  const listener = () => void heard.push("own");
  process.on("SIGTERM", listener);
  try {
    assert.equal(await run(program(0, []), both), "value");
  } finally {
    process.off("SIGTERM", listener);
  }
  assert.deepEqual(heard, ["own"]);
});

test("STOP-24: names that make no sense are refused", async () => {
  const refused = (stopSignals: unknown) => run(() => {}, { stopSignals } as RunOptions);
  await assert.rejects(refused(["SIGFOO"]), RangeError);
  await assert.rejects(refused(["SIGKILL"]), RangeError);
  await assert.rejects(refused("SIGTERM"), TypeError);
  await assert.rejects(refused([15]), TypeError);
  await assert.rejects(run(() => {}, { grace: NaN }), RangeError);
});

test("STOP-25: a run without signals leaves no listener behind", async () => {
  const before = process.listenerCount("SIGTERM");
  await run(() => sleep(0), both);
  assert.equal(process.listenerCount("SIGTERM"), before);
});

test("STOP-26: KeyboardInterrupt names SIGINT where it is made without a signal", () => {
  assert.equal(new KeyboardInterrupt().signal, "SIGINT");
  assert.equal(new KeyboardInterrupt("x", { signal: "SIGHUP" }).signal, "SIGHUP");
});

test("RECEIVE-01: signalsReceived() gives the signals as they come", async () => {
  await run(async () => {
    const seen: string[] = [];
    const signals = signalsReceived("SIGUSR1", "SIGUSR2");
    send("SIGUSR2");
    for await (const signal of signals) {
      seen.push(signal);
      if (signal === "SIGUSR1") break;
      send("SIGUSR1");
    }
    assert.deepEqual(seen, ["SIGUSR2", "SIGUSR1"]);
  });
});

test("RECEIVE-02: it listens from the call on", async () => {
  await run(async () => {
    const signals = signalsReceived("SIGUSR2");
    send("SIGUSR2");
    await sleep(0.05);
    assert.deepEqual(await signals.next(), { value: "SIGUSR2", done: false });
    await signals.return!();
  });
});

test("RECEIVE-03: the same signal that is not taken comes once", async () => {
  await run(async () => {
    const signals = signalsReceived("SIGUSR2");
    for (let n = 0; n < 3; n++) {
      send("SIGUSR2");
      await sleep(0.02);
    }
    await signals.next();
    await assert.rejects(timeout(0.02).with(() => signals.next()), TimeoutError);
  });
});

test("RECEIVE-04: each of several receivers gets it", async () => {
  await run(async () => {
    const receivers = [signalsReceived("SIGUSR2"), signalsReceived("SIGUSR2")];
    const nexts = receivers.map((receiver) => receiver.next());
    send("SIGUSR2");
    assert.deepEqual((await Promise.all(nexts)).map(({ value }) => value), ["SIGUSR2", "SIGUSR2"]);
    for (const receiver of receivers) await receiver.return!();
  });
});

test("RECEIVE-05: leaving the loop over it, or its cancellation, ends the listening", async () => {
  await run(async () => {
    const iterating = createTask(async () => {
      for await (const _ of signalsReceived("SIGUSR2"));
    });
    await sleep(0);
    assert.ok(getRunningLoop());
    iterating.cancel();
    await assert.rejects(async () => await iterating, CancelledError);
    const signals = signalsReceived("SIGUSR2");
    const next = signals.next();
    await signals.return!();
    assert.equal((await next).done, true);
    assert.equal((await signals.next()).done, true);
  });
  // On Deno the library listens by Deno's own call, which this does not count.
  assert.equal(process.listenerCount("SIGUSR2"), listeners);
});

test("RECEIVE-07: misuse is refused at once", async () => {
  await run(() => {
    assert.throws(() => signalsReceived(), TypeError);
    assert.throws(() => signalsReceived("SIGFOO"), RangeError);
    assert.throws(() => signalsReceived(15 as unknown as string), TypeError);
    assert.throws(() => signalsReceived("SIGUSR2", "SIGKILL"), RuntimeError);
  });
  assert.equal(process.listenerCount("SIGUSR2"), listeners);
});

test("RECEIVE-08: the end of the event loop ends the listening", async () => {
  await run(() => void signalsReceived("SIGUSR2"));
  assert.equal(process.listenerCount("SIGUSR2"), listeners);
});
