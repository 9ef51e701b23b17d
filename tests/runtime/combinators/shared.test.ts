/** shared(): one run of the work for all callers, whose deadlines are their own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  CancelledError,
  ContextVar,
  createTask,
  currentTask,
  gather,
  run,
  RuntimeError,
  shared,
  sleep,
  TaskGroup,
  timeout,
  TimeoutError,
  waitFor,
} from "../../../mod.ts";
import { cancelEverywhere } from "../../_support/cancel_everywhere.ts";
import { assertCancelled, runs, started, ticks } from "../../_support/sync.ts";

/** A load that takes so long, and what is known of its runs. */
function loader(seconds = 1) {
  const log = { begun: 0, ended: 0, cancelled: 0 };
  const load = async () => {
    const number = ++log.begun;
    try {
      await sleep(seconds);
      log.ended++;
      return `value ${number}`;
    } catch (error) {
      if (error instanceof CancelledError) log.cancelled++;
      throw error;
    }
  };
  return { load, log };
}

runs("SHARE-01: all who ask while it lasts get the same run", async () => {
  const { load, log } = loader();
  const get = shared(load);
  assert.deepEqual(await gather([get, get, get]), ["value 1", "value 1", "value 1"]);
  assert.equal(log.begun, 1);
});

runs("SHARE-02: a caller may join late", async () => {
  const { load, log } = loader();
  const get = shared(load);
  const first = createTask(get);
  await sleep(0.9);
  assert.equal(await get(), "value 1");
  await first;
  assert.equal(log.begun, 1);
});

runs("SHARE-03: after its end the next call starts another run", async () => {
  const { load } = loader();
  const get = shared(load);
  assert.deepEqual([await get(), await get()], ["value 1", "value 2"]);
});

runs("SHARE-04: an error reaches all callers, and is not kept", async () => {
  let calls = 0;
  const get = shared(async () => {
    await sleep(1);
    if (++calls === 1) throw new Error("down");
    return "up";
  });
  const results = await gather([get, get], { returnExceptions: true });
  assert.deepEqual(results.map(String), ["Error: down", "Error: down"]);
  assert.equal(await get(), "up");
});

runs("SHARE-05: what it throws at once reaches the callers", async () => {
  const get = shared(() => {
    throw new Error("at once");
  });
  await assert.rejects(get(), /at once/);
});

runs("SHARE-06: a value that is there at once is given", async () => {
  assert.equal(await shared(() => 7)(), 7);
});

runs("SHARE-07: the first caller's deadline does not end the work of the others", async () => {
  const { load, log } = loader();
  const get = shared(load);
  const impatient = () => timeout(0.5).with(get);
  const [first, second] = await gather([impatient, get], { returnExceptions: true });
  assert.ok(first instanceof TimeoutError);
  assert.equal(second, "value 1");
  assert.equal(log.cancelled, 0);
});

runs("SHARE-08: in a group, too, no caller loses its value", async () => {
  const { load } = loader();
  const get = shared(load);
  const results: string[] = [];
  await new TaskGroup().with((group) => {
    group.createTask(() => timeout(0.2).with(get).catch(() => "too slow"));
    group.createTask(async () => {
      await sleep(0.1);
      results.push(await get());
    });
  });
  assert.deepEqual(results, ["value 1"]);
});

runs("SHARE-09: when its last caller is cancelled the run is cancelled", async () => {
  const { load, log } = loader();
  const get = shared(load);
  const callers = await started(get, get);
  callers[0]!.cancel();
  await assertCancelled(callers[0]!);
  assert.equal(log.cancelled, 0);
  callers[1]!.cancel("enough");
  await assertCancelled(callers[1]!, "enough");
  assert.equal(log.cancelled, 1);
});

runs("SHARE-10: the last caller waits until the run has unwound", async () => {
  let cleaned = false;
  const get = shared(async () => {
    try {
      await sleep(100);
    } finally {
      await sleep(1);
      cleaned = true;
    }
  });
  await assert.rejects(timeout(1).with(get), TimeoutError);
  assert.equal(cleaned, true);
});

runs("SHARE-11: a second cancellation goes on to the cleanup", async () => {
  let cleaned = false;
  const get = shared(async () => {
    try {
      await sleep(100);
    } finally {
      await sleep(100);
      cleaned = true;
    }
  });
  const [caller] = await started(get);
  caller!.cancel();
  await sleep(1);
  caller!.cancel();
  await assertCancelled(caller!);
  assert.equal(cleaned, false);
});

runs("SHARE-12: who asks while a cancelled run unwinds gets a new one", async () => {
  let runs = 0;
  const get = shared(async () => {
    const number = ++runs;
    try {
      await sleep(1);
      return number;
    } finally {
      await sleep(1);
    }
  });
  const [caller] = await started(get);
  caller!.cancel();
  await ticks(2);
  assert.equal(await get(), 2);
  await assertCancelled(caller!);
});

runs("SHARE-13: with keep the run goes on without callers", async () => {
  const { load, log } = loader();
  const get = shared(load, { keep: true });
  await assert.rejects(timeout(0.5).with(get), TimeoutError);
  assert.equal(log.cancelled, 0);
  assert.equal(await get(), "value 1");
  assert.equal(log.begun, 1);
});

runs("SHARE-14: the work belongs to no scope of its first caller", async () => {
  let task = null;
  const get = shared(async () => {
    task = currentTask();
    await sleep(0);
  });
  await timeout(1).with(get);
  assert.notEqual(task, null);
  assert.notEqual(task, currentTask());
});

runs("SHARE-15: the work has the context variables of its first caller", async () => {
  const user = new ContextVar<string>("user");
  const get = shared(() => sleep(1).then(() => user.get("none")));
  const call = (name: string) => () => {
    user.set(name);
    return get();
  };
  assert.deepEqual(await gather([call("ada"), call("bob")]), ["ada", "ada"]);
});

runs("SHARE-16: work that asks for itself is a RuntimeError", async () => {
  const get: () => Promise<unknown> = shared(async () => {
    await get();
  });
  await assert.rejects(get(), RuntimeError);
});

runs("SHARE-17: waitFor() over its promise cancels that caller alone", async () => {
  const { load, log } = loader();
  const get = shared(load);
  const patient = createTask(get);
  await assert.rejects(waitFor(get(), 0.5), TimeoutError);
  assert.equal(await patient, "value 1");
  assert.equal(log.cancelled, 0);
});

runs("SHARE-18: cancelling the run's task itself reaches all callers", async () => {
  const { load } = loader();
  const get = shared(load);
  const callers = await started(get, get);
  const task = [...allTasks()].find((task) => task.getName() === "load")!;
  task.cancel();
  for (const caller of callers) await assertCancelled(caller);
});

test("SHARE-19: misuse is refused at once", () => {
  assert.throws(() => shared(Promise.resolve() as unknown as () => void), TypeError);
  assert.throws(() => shared(() => {}, { keep: 1 } as object), TypeError);
  assert.throws(() => shared(() => {}, { ttl: 5 } as object), TypeError);
});

test("SHARE-20: it works in plain code", async () => {
  let calls = 0;
  const get = shared(async () => {
    await sleep(0);
    return ++calls;
  });
  assert.deepEqual(await Promise.all([get(), get()]), [1, 1]);
});

test("SHARE-21: each run of the program has a run of its own", async () => {
  const { load, log } = loader(0);
  const get = shared(load);
  assert.deepEqual(await Promise.all([run(get), run(get)]), ["value 1", "value 2"]);
  assert.equal(log.ended, 2);
});

test("SHARE-22: wherever the program is cancelled, no run is left", async () => {
  const points = await cancelEverywhere(async () => {
    const { load } = loader();
    const get = shared(load);
    await gather([get, () => timeout(5).with(get), get]);
  });
  assert.ok(points >= 12, `only ${points} points`);
});
