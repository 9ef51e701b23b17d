// What a user reads who calls a scope, a timeout or a group the wrong way.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BoundedSemaphore,
  Condition,
  createTask,
  Lock,
  run,
  Semaphore,
  sleep,
  TaskGroup,
  timeout,
  timeoutAt,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { messageOf, rejectsWith } from "../../_support/messages.ts";

const work = (): Promise<void> => Promise.resolve();

interface Block {
  with(body: () => unknown): Promise<unknown>;
}

for (
  const [name, make] of Object.entries<() => Block>({
    timeout: () => timeout(1),
    timeoutAt: () => timeoutAt(null),
    TaskGroup: () => new TaskGroup(),
    Lock: () => new Lock(),
    Semaphore: () => new Semaphore(),
    BoundedSemaphore: () => new BoundedSemaphore(1),
    Condition: () => new Condition(),
  })
) {
  test(`error texts: ${name}: with(promise) shows the function to pass instead`, async () => {
    const block = make();
    await rejectsWith(
      block.with(work() as never),
      "TypeError",
      "Cannot call with(): its body must be a function, received a promise, whose work has started already; " +
        "write with(() => work()) instead of with(work())",
    );
    await rejectsWith(
      make().with(undefined as never),
      "TypeError",
      "Cannot call with(): its body must be a function, received undefined; pass an async function, with(async () => { ... })",
    );
    // Nothing was taken for it.
    if (block instanceof Lock || block instanceof Condition) assert.equal(block.locked(), false);
  });
}

test("error texts: waitFor() without its timeout shows the call", async () => {
  const call = waitFor as unknown as (aw: unknown) => Promise<unknown>;
  await rejectsWith(
    call(work),
    "TypeError",
    "waitFor() needs its timeout: seconds as in waitFor(work, 5), { milliseconds: 250 }, or null for none",
  );
});

test("error texts: timeout() without its limit shows the call", () => {
  const call = timeout as unknown as () => unknown;
  assert.equal(
    messageOf(call, "TypeError"),
    "timeout() needs its limit: seconds as in timeout(5), { milliseconds: 250 }, or null for none",
  );
});

test("error texts: a TimeoutError tells what timed out, and after how long", async () => {
  async function fetchPage(): Promise<void> {
    await sleep(60);
  }
  await run(async () => {
    const late = waitFor(fetchPage, { milliseconds: 5 });
    await rejectsWith(late, "TimeoutError", "waitFor(fetchPage) timed out after 0.005 seconds");
    const task = createTask(() => sleep(60), { name: "backup" });
    await rejectsWith(
      waitFor(task, 0),
      "TimeoutError",
      "waitFor(backup) timed out after 0 seconds",
    );
    const block = timeout(0.01).with(() => sleep(60));
    await rejectsWith(block, "TimeoutError", "timed out after 0.01 seconds");
  });
});

test("error texts: the TimeoutError of a moved deadline tells its time on the loop's clock", async () => {
  await run(async () => {
    const at = timeoutAt(0).with(() => sleep(60));
    await rejectsWith(at, "TimeoutError", "timed out at loop time 0");
    const moved = timeout(60).with(async (block) => {
      block.reschedule(0.25);
      await sleep(60);
    });
    await rejectsWith(moved, "TimeoutError", "timed out at loop time 0.25");
  });
});

test("error texts: withSignal() tells which of its arguments is wrong", async () => {
  const call = withSignal as unknown as (...args: unknown[]) => Promise<unknown>;
  const { signal } = new AbortController();
  await rejectsWith(
    call(work, signal),
    "TypeError",
    "Cannot call withSignal(): an AbortSignal comes first, received a function; write withSignal(signal, work)",
  );
  await rejectsWith(
    call(new AbortController(), work),
    "TypeError",
    "Cannot call withSignal(): an AbortSignal comes first, received an instance of AbortController; pass its signal, withSignal(controller.signal, work)",
  );
});

test("error texts: a lock that nobody holds tells which, and what frees it", async () => {
  const lock = new Lock();
  assert.match(messageOf(() => lock.release(), "RuntimeError"), /^Lock is not acquired\./);
  const condition = new Condition();
  assert.match(
    messageOf(() => condition.notify(), "RuntimeError"),
    /^cannot notify on un-acquired lock/,
  );
});
