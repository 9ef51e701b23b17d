/** Cancellations that come back as another error, as `Promise.any` and libraries for HTTP and processes make them. */
import assert from "node:assert/strict";
import {
  Barrier,
  CancelledError,
  createTask,
  currentSignal,
  currentTask,
  ExceptionGroup,
  gather,
  shield,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import {
  assertCancelled,
  outcome,
  runs,
  runsImpatiently,
  ticks,
  Trouble,
} from "../../_support/tasks.ts";

/** Calls of libraries that obey a signal, and reject in their own words. */
const libraries: Record<string, (signal: AbortSignal) => Promise<never>> = {
  fetch: (signal) => obeying(signal, () => signal.reason),
  axios: (signal) =>
    obeying(signal, () =>
      Object.assign(new Error("canceled"), {
        name: "CanceledError",
        code: "ERR_CANCELED",
        __CANCEL__: true,
      })),
  execa: (signal) =>
    obeying(
      signal,
      () =>
        Object.assign(new Error("Command was canceled: sleep 5", { cause: signal.reason }), {
          name: "ExecaError",
          isCanceled: true,
          failed: true,
        }),
    ),
  "a cause that is the reason": (signal) =>
    obeying(signal, () => new Error("request failed", { cause: signal.reason })),
  "a cause of a cause": (signal) =>
    obeying(signal, () => new Error("a", { cause: new Error("b", { cause: signal.reason }) })),
  "a cause that is an AbortError": (signal) =>
    obeying(signal, () => new TypeError("failed", { cause: new DOMException("", "AbortError") })),
  "Promise.any": (signal) => Promise.any([libraries["fetch"]!(signal), sleep(100) as never]),
  "an AggregateError of causes": (signal) =>
    obeying(signal, () => new AggregateError([new Error("a", { cause: signal.reason })])),
};

function obeying(signal: AbortSignal, makeError: () => unknown): Promise<never> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(makeError());
    signal.addEventListener("abort", () => reject(makeError()), { once: true });
  });
}

for (const [name, call] of Object.entries(libraries)) {
  const body = () => call(currentSignal());

  runsImpatiently(`WRAPPED-01: timeout() reports a TimeoutError: ${name}`, async () => {
    await assert.rejects(timeout(0.01).with(body), TimeoutError);
  });

  runsImpatiently(`WRAPPED-02: waitFor() reports a TimeoutError: ${name}`, async () => {
    await assert.rejects(waitFor(body, 0.01), TimeoutError);
  });

  runsImpatiently(`WRAPPED-03: a cancelled task is cancelled: ${name}`, async () => {
    const task = createTask(body);
    await ticks(2);
    task.cancel();
    await assertCancelled(task);
    assert.equal(outcome(task), "cancelled");
  });

  runsImpatiently(`WRAPPED-04: a group tells only the failure itself: ${name}`, async () => {
    const failing = new TaskGroup().with(async (group) => {
      group.createTask(body);
      group.createTask(async () => {
        await sleep(0);
        throw new Trouble();
      });
      await body();
    });
    await assert.rejects(failing, (error) => {
      assert.ok(error instanceof ExceptionGroup);
      assert.deepEqual(error.errors.map((member) => (member as Error).name), ["Trouble"]);
      return true;
    });
  });

  runsImpatiently(
    `WRAPPED-05: withSignal() rejects with the signal's reason: ${name}`,
    async () => {
      const stop = new AbortController();
      const reason = new Trouble("stop");
      const working = withSignal(stop.signal, () => call(stop.signal));
      await ticks();
      stop.abort(reason);
      await assert.rejects(working, (error) => error === reason);
    },
  );
}

runs("WRAPPED-06: Promise.any over waits is a TimeoutError of the deadline", async () => {
  const mirrors = () => Promise.any([sleep(10), sleep(10)]);
  await assert.rejects(timeout(1).with(mirrors), TimeoutError);
  const task = createTask(mirrors);
  await ticks();
  task.cancel();
  await assertCancelled(task);
});

runs("WRAPPED-07: without a request such errors are failures like any other", async () => {
  for (
    const make of [
      () => new AggregateError([new CancelledError()]),
      () => Object.assign(new Error(), { isCanceled: true }),
    ]
  ) {
    const error = make();
    await assert.rejects(
      timeout(1).with(() => Promise.reject(error)),
      (thrown) => thrown === error,
    );
    const task = createTask(() => Promise.reject(error));
    await assert.rejects(task, (thrown) => thrown === error);
  }
});

runs("WRAPPED-08: what code throws in place of a wait's CancelledError is its own", async () => {
  const wrapping = async () => {
    try {
      await sleep(10);
    } catch (cause) {
      throw new Trouble("no rollback", { cause });
    }
  };
  await assert.rejects(timeout(1).with(wrapping), Trouble);
});

runs("WRAPPED-09: the failures of a group inside count more than a deadline", async () => {
  const failing = timeout(1).with(() =>
    new TaskGroup().with(async () => {
      try {
        await sleep(10);
      } catch {
        throw new Trouble();
      }
    })
  );
  await assert.rejects(failing, ExceptionGroup);
});

runs("WRAPPED-10: the TimeoutError leads to the error that the body threw", async () => {
  let seen: Error | undefined;
  await assert.rejects(
    timeout(1).with(() => Promise.any([sleep(10)])),
    (error: Error) => {
      seen = error;
      return true;
    },
  );
  assert.ok(seen?.cause instanceof CancelledError);
  assert.ok(seen.cause.cause instanceof AggregateError);
});

runs("TASK-ODD-01: a task that throws a revoked proxy ends", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const fail = () => Promise.reject(proxy);
  // The assertions ask a thrown value for its properties.
  const throws = (awaited: PromiseLike<unknown>): PromiseLike<boolean> =>
    awaited.then(() => false, (error) => error === proxy);
  assert.ok(await throws(createTask(fail)));
  const cancelled = createTask(() => sleep(10).catch(fail));
  await ticks();
  cancelled.cancel();
  assert.ok(await throws(cancelled));
  assert.ok(await throws(timeout(1).with(fail)));
  assert.ok(await throws(timeout(1).with(() => sleep(10).catch(fail))));
  assert.ok(await throws(waitFor(fail, 1)));
  await assert.rejects(new TaskGroup().with(fail), ExceptionGroup);
  const [outcome] = await gather([fail], { returnExceptions: true });
  assert.ok(Object.is(outcome, proxy));
});

runs(
  "HANDLE-ODD-01: a handle that is cancelled between the queue and its run does nothing",
  async (loop) => {
    for (let hops = 0; hops < 12; hops++) {
      const wake = sleep(0);
      const handle = loop.callSoon(() => {});
      await wake;
      const other = sleep(0);
      for (let i = 0; i < hops; i++) await null;
      handle.cancel();
      await other;
      assert.ok(handle.cancelled());
    }
  },
);

runs("TMO-VALUE-01: a body that handled what its group came to keeps its value", async () => {
  const deadline = timeout(1);
  const value = await deadline.with(async () => {
    try {
      await new TaskGroup().with(async () => {
        try {
          await sleep(5);
        } catch {
          throw new Trouble("cleanup failed");
        }
      });
    } catch (error) {
      assert.ok(error instanceof ExceptionGroup);
    }
    return "the value";
  });
  assert.deepEqual([value, deadline.expired()], ["the value", true]);
});

runs("TMO-VALUE-02: its next wait is interrupted all the same", async () => {
  const body = async () => {
    await new TaskGroup().with(async (group) => {
      group.createTask(async () => {
        await sleep(0.5);
        throw new Trouble();
      });
      await sleep(5).finally(() => shield(() => sleep(2)));
    }).catch(() => {});
    await sleep(9);
  };
  await assert.rejects(timeout(1).with(body), TimeoutError);
});

runs("TMO-CANCEL-01: a cancel() in the cleanup of a body that timed out is delivered", async () => {
  const seen: string[] = [];
  const task = createTask(async () => {
    try {
      await timeout(1).with(() => sleep(5).finally(() => currentTask()!.cancel("own")));
    } finally {
      await sleep(1).catch((error) => seen.push(String(error)));
    }
  });
  await assertCancelled(task);
  assert.deepEqual(seen, ["CancelledError: own"]);
});

runs("BAR-INDEX-01: the index of a waiter that was cancelled goes to the next one", async () => {
  const barrier = new Barrier(3);
  const first = createTask(() => barrier.wait());
  const second = createTask(() => barrier.wait());
  await ticks(3);
  first.cancel();
  await assertCancelled(first);
  const rest = [createTask(() => barrier.wait()), createTask(() => barrier.wait())];
  const indexes = await gather([second, ...rest]);
  assert.deepEqual([...indexes].sort(), [0, 1, 2]);
});

runs(
  "WRAPPED-11: a task that its signal cancels is cancelled, whatever the library says",
  async () => {
    await ticks();
    const stop = new AbortController();
    const task = createTask(() => libraries["execa"]!(stop.signal), { signal: stop.signal });
    await ticks();
    stop.abort(new Trouble("enough"));
    await assert.rejects(async () => await task, CancelledError);
    assert.ok(task.cancelled());
  },
);
