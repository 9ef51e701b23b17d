/** interruptible() and fetch(): foreign waits that end with what encloses them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  type ExceptionContext,
  fetch,
  getRunningLoop,
  interruptible,
  run,
  sleep,
  timeout,
  TimeoutError,
  withSignal,
} from "../../../mod.ts";
import { impatientLoop } from "../../_support/impatient_loop.ts";
import { assertCancelled } from "../../_support/sync.ts";

/** On a loop that does not wait for what is outside. */
function impatient(name: string, body: () => Promise<void>): void {
  test(name, () => run(body, { loopFactory: impatientLoop }));
}

const never = () => new Promise<never>(() => {});

impatient("INTER-01: it gives what the promise brings", async () => {
  assert.equal(await interruptible(Promise.resolve(7)), 7);
});

impatient("INTER-02: it takes a function that starts the work, and calls it at once", async () => {
  let called = false;
  const waiting = interruptible(() => {
    called = true;
    return Promise.resolve(7);
  });
  assert.equal(called, true);
  assert.equal(await waiting, 7);
});

impatient("INTER-03: it throws what the promise throws", async () => {
  await assert.rejects(interruptible(Promise.reject(new RangeError("no"))), RangeError);
});

impatient("INTER-04: what the function throws at once rejects", async () => {
  const failing = () => {
    throw new RangeError("at once");
  };
  await assert.rejects(interruptible(failing), RangeError);
});

impatient("INTER-05: a cancelled task leaves at once", async () => {
  const task = createTask(() => interruptible(never));
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
});

impatient("INTER-06: a timeout leaves at once", async () => {
  await assert.rejects(timeout(1).with(() => interruptible(never())), TimeoutError);
});

impatient("INTER-07: onCancel is called once, with the CancelledError", async () => {
  const reasons: Error[] = [];
  const task = createTask(() =>
    interruptible(never, { onCancel: (reason) => void reasons.push(reason) })
  );
  await sleep(1);
  task.cancel("enough");
  await assertCancelled(task, "enough");
  assert.equal(reasons.length, 1);
  assert.ok(reasons[0] instanceof CancelledError);
  assert.equal(reasons[0].message, "enough");
});

impatient("INTER-08: onCancel is not called where the promise settles", async () => {
  let called = false;
  await interruptible(Promise.resolve(), { onCancel: () => called = true });
  await assert.rejects(
    interruptible(Promise.reject(new Error("no")), { onCancel: () => called = true }),
  );
  assert.equal(called, false);
});

impatient("INTER-09: an onCancel that takes long is not waited for", async () => {
  const start = getRunningLoop().time();
  const body = () => interruptible(never, { onCancel: () => never() });
  await assert.rejects(timeout(1).with(body), TimeoutError);
  assert.equal(getRunningLoop().time() - start, 1);
});

for (
  const [how, onCancel] of [
    ["throws", () => {
      throw new RangeError("in onCancel");
    }],
    ["rejects with", () => Promise.reject(new RangeError("in onCancel"))],
  ] as const
) {
  impatient(`INTER-10: what onCancel ${how} goes to the exception handler`, async () => {
    const reports: ExceptionContext[] = [];
    getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context));
    await assert.rejects(timeout(1).with(() => interruptible(never, { onCancel })), TimeoutError);
    await sleep(0);
    assert.deepEqual(reports.map(({ exception }) => String(exception)), [
      "RangeError: in onCancel",
    ]);
  });
}

impatient("INTER-11: a late error of the promise is not an unhandled rejection", async () => {
  let fail = (_error: Error) => {};
  const promise = new Promise<never>((_, reject) => fail = reject);
  await assert.rejects(timeout(1).with(() => interruptible(promise)), TimeoutError);
  fail(new Error("late"));
  await new Promise((resolve) => setTimeout(resolve, 5));
});

impatient("INTER-12: a signal leaves with its reason", async () => {
  const stop = new AbortController();
  getRunningLoop().callLater(1, () => stop.abort(new Error("stopped")));
  await assert.rejects(withSignal(stop.signal, () => interruptible(never)), /stopped/);
});

impatient("INTER-13: what is not a promise is a TypeError", async () => {
  await assert.rejects(interruptible(7 as unknown as Promise<void>), TypeError);
  await assert.rejects(interruptible((() => 7) as unknown as () => Promise<void>), TypeError);
  await assert.rejects(interruptible(never, { onAbort: () => {} } as object), TypeError);
});

test("INTER-14: it works in plain code", async () => {
  assert.equal(await interruptible(Promise.resolve(7)), 7);
});

/** Replaces the global fetch: it gives the signals of its calls, and ends when they abort. */
async function fetching(body: (signals: AbortSignal[]) => Promise<void>): Promise<void> {
  const original = globalThis.fetch;
  const signals: AbortSignal[] = [];
  globalThis.fetch = (_input, init) => {
    const { signal } = init!;
    signals.push(signal!);
    return new Promise((_, reject) =>
      signal!.addEventListener("abort", () => reject(signal!.reason))
    );
  };
  try {
    await run(() => body(signals), { loopFactory: impatientLoop });
  } finally {
    globalThis.fetch = original;
  }
}

test("FETCH-01: a timeout aborts the request", () =>
  fetching(async (signals) => {
    await assert.rejects(timeout(1).with(() => fetch("http://localhost/")), TimeoutError);
    assert.equal(signals[0]!.aborted, true);
  }));

test("FETCH-02: a cancelled task aborts the request", () =>
  fetching(async (signals) => {
    const task = createTask(() => fetch("http://localhost/"));
    await sleep(1);
    task.cancel("enough");
    await assertCancelled(task, "enough");
    assert.equal(signals[0]!.aborted, true);
  }));

test("FETCH-03: the signal in init still counts, with its reason", () =>
  fetching(async () => {
    const stop = new AbortController();
    const request = fetch("http://localhost/", { signal: stop.signal });
    stop.abort(new RangeError("stopped"));
    await assert.rejects(request, RangeError);
  }));

test("FETCH-04: the signal of a Request still counts", () =>
  fetching(async () => {
    const stop = new AbortController();
    const request = fetch(new Request("http://localhost/", { signal: stop.signal }));
    stop.abort(new RangeError("stopped"));
    await assert.rejects(request, RangeError);
  }));

test("FETCH-05: with a signal in init a timeout still aborts the request", () =>
  fetching(async () => {
    const { signal } = new AbortController();
    const body = () => fetch("http://localhost/", { signal });
    await assert.rejects(timeout(1).with(body), TimeoutError);
  }));

test("FETCH-06: it is the global fetch", async () => {
  const response = await run(() => fetch("data:text/plain,hello"));
  assert.equal(await response.text(), "hello");
});

test("FETCH-07: it works in plain code", async () => {
  const response = await fetch("data:text/plain,hello");
  assert.equal(await response.text(), "hello");
});
