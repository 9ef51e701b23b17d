import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  AbstractEventLoopPolicy,
  DefaultEventLoopPolicy,
  EventLoop,
  getEventLoop,
  getEventLoopPolicy,
  getRunningLoop,
  newEventLoop,
  run,
  RuntimeError,
  setEventLoop,
  setEventLoopPolicy,
  sleep,
  startServer,
} from "../../../mod.ts";
import { runs, ticks, Trouble } from "../../_support/tasks.ts";

/** A policy that notes what it is asked. */
class NotingPolicy extends AbstractEventLoopPolicy {
  readonly asked: string[] = [];
  loop: EventLoop | null = null;

  override getEventLoop(): EventLoop {
    this.asked.push("get");
    if (this.loop === null) throw new Trouble("no loop here");
    return this.loop;
  }

  override setEventLoop(loop: EventLoop | null): void {
    this.asked.push("set");
    this.loop = loop;
  }

  override newEventLoop(): EventLoop {
    this.asked.push("new");
    return new EventLoop();
  }
}

/** Restores the default policy without a loop set, whatever a test left. */
function restore(): void {
  setEventLoopPolicy(null);
  setEventLoop(null);
}
afterEach(restore);

runs("POL-01: getRunningLoop() is the loop in tasks and callbacks", async (loop) => {
  const seen: unknown[] = [getRunningLoop()];
  loop.callSoon(() => seen.push(getRunningLoop()));
  loop.callLater(0.5, () => seen.push(getRunningLoop()));
  await sleep(1);
  seen.push(getRunningLoop());
  assert.deepEqual(seen.map((seen) => seen === loop), [true, true, true, true]);
});

test("POL-01: getRunningLoop() elsewhere is a RuntimeError", () => {
  assert.throws(() => getRunningLoop(), {
    name: "RuntimeError",
    message: /^no running event loop/,
  });
});

test("POL-01: a loop that is set is no running loop", () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  assert.throws(() => getRunningLoop(), RuntimeError);
  loop.close();
});

test("POL-01: getRunningLoop() in a callback of a loop driven by hand", async () => {
  const loop = new EventLoop();
  const seen: unknown[] = [];
  loop.callSoon(() => {
    seen.push(getRunningLoop(), getEventLoop());
    loop.stop();
  });
  await loop.runForever();
  loop.close();
  assert.ok(seen.every((seen) => seen === loop));
});

runs("POL-02: getEventLoop() in a run is the running loop, whatever is set", (loop) => {
  const other = new EventLoop();
  setEventLoop(other);
  assert.equal(getEventLoop(), loop);
  other.close();
});

test("POL-02: in plain code getEventLoop() is the loop that was set", () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  assert.equal(getEventLoop(), loop);
  loop.close();
});

test("POL-02: setEventLoop(null) goes back to the ambient loop, always the same", async () => {
  const ambient = getEventLoop();
  const loop = new EventLoop();
  setEventLoop(loop);
  setEventLoop(null);
  assert.equal(getEventLoop(), ambient);
  assert.ok(ambient.isRunning());
  assert.equal(await sleep(0, "works"), "works");
  loop.close();
});

test("POL-02: the ambient loop can be neither stopped nor closed", () => {
  assert.throws(() => getEventLoop().stop(), RuntimeError);
  assert.throws(() => getEventLoop().close(), RuntimeError);
});

test("POL-02: a run's own loop never serves plain code", async () => {
  const ambient = getEventLoop();
  let reached: () => void = () => {};
  const inside = new Promise<void>((resolve) => reached = resolve);
  const running = run(async () => {
    reached();
    await sleep(0.005);
  });
  await inside;
  assert.equal(getEventLoop(), ambient);
  await running;
  assert.equal(getEventLoop(), ambient);
});

test("POL-02: getEventLoop() asks the policy in force, and its errors pass through", () => {
  const policy = new NotingPolicy();
  setEventLoopPolicy(policy);
  assert.throws(() => getEventLoop(), Trouble);
  const loop = new EventLoop();
  setEventLoop(loop);
  assert.equal(getEventLoop(), loop);
  assert.deepEqual(policy.asked, ["get", "set", "get"]);
  loop.close();
});

test("POL-04: the default policy makes loops and takes them", () => {
  const policy = new DefaultEventLoopPolicy();
  const loop = policy.newEventLoop();
  assert.ok(loop instanceof EventLoop);
  assert.equal(loop.isRunning(), false);
  policy.setEventLoop(loop);
  assert.equal(policy.getEventLoop(), loop);
  loop.close();
});

test("POL-04: setEventLoop() refuses what is no loop", () => {
  for (const wrong of ["loop", 1, {}, undefined]) {
    assert.throws(() => setEventLoop(wrong as unknown as EventLoop), TypeError);
  }
});

test("POL-04: setEventLoopPolicy() sets, checks, and null restores the default", () => {
  const original = getEventLoopPolicy();
  assert.ok(original instanceof DefaultEventLoopPolicy);
  const policy = new NotingPolicy();
  setEventLoopPolicy(policy);
  assert.equal(getEventLoopPolicy(), policy);
  for (const wrong of ["policy", {}, undefined]) {
    assert.throws(
      () => setEventLoopPolicy(wrong as unknown as AbstractEventLoopPolicy),
      TypeError,
    );
  }
  assert.equal(getEventLoopPolicy(), policy);
  setEventLoopPolicy(null);
  assert.equal(getEventLoopPolicy(), original);
});

test("POL-04: newEventLoop() and run() go through the policy", async () => {
  const policy = new NotingPolicy();
  setEventLoopPolicy(policy);
  newEventLoop().close();
  await run(() => sleep(0));
  assert.deepEqual(policy.asked, ["new", "new", "set", "set"]);
  assert.equal(policy.loop, null);
});

test("POL-07: a server tells its loop", async () => {
  await run(async () => {
    const server = await startServer(() => {}, "127.0.0.1", 0);
    assert.equal(server.getLoop(), getRunningLoop());
    server.close();
    await server.waitClosed();
    await ticks();
  });
});
