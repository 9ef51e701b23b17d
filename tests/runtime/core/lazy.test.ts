import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import test from "node:test";
import {
  CancelledError,
  createTask,
  type EventLoop,
  gather,
  sleep,
  timeout,
} from "../../../mod.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { LazyModule, noteDescriptors, rejecting } from "../../../runtime/core/lazy_module.ts";
import { runTest } from "../../../testing/mod.ts";
import { runProgram } from "../../_support/programs.ts";
import { runsInRealTime as runs, ticks } from "../../_support/tasks.ts";

interface Module {
  readonly number: number;
}

/** A module whose loads end when the test says so. */
class Loads {
  readonly lazy: LazyModule<Module> = new LazyModule("the answer", () => {
    return new Promise((succeed, fail) => this.under.push({ succeed, fail }));
  });
  readonly under: { succeed(module: Module): void; fail(error: Error): void }[] = [];
}

function operationsOf(loop: EventLoop): number {
  return loop[core].operations.size;
}

const numberOf = (module: Module): Promise<number> => Promise.resolve(module.number);

runs("lazy module: once it is loaded, a call is the plain call", async () => {
  const loads = new Loads();
  const first = createTask(() => loads.lazy.call(numberOf));
  await ticks(1);
  loads.under[0]!.succeed({ number: 42 });
  assert.equal(await first, 42);
  const promise = Promise.resolve(7);
  let called = false;
  const given = loads.lazy.call(() => {
    called = true;
    return promise;
  });
  assert.ok(called);
  assert.equal(given, promise);
});

runs("lazy module: calls that wait share a load, and go on in their order", async () => {
  const loads = new Loads();
  const order: number[] = [];
  const enter = (index: number) => () =>
    loads.lazy.call(() => {
      order.push(index);
      return Promise.resolve();
    });
  const tasks = [0, 1, 2].map((index) => createTask(enter(index)));
  await ticks(1);
  assert.equal(loads.under.length, 1);
  loads.under[0]!.succeed({ number: 0 });
  // The module is there, those who wait for it are woken and have not run: this one must not pass them.
  await Promise.resolve();
  await Promise.resolve();
  tasks.push(createTask(enter(3), { eagerStart: true }));
  await gather(tasks);
  assert.deepEqual(order, [0, 1, 2, 3]);
});

runs(
  "lazy module: a cancellation during the load wins, and leaves nothing behind",
  async (loop) => {
    const loads = new Loads();
    let called = false;
    const task = createTask(() =>
      loads.lazy.call(() => {
        called = true;
        return Promise.resolve();
      })
    );
    await ticks(1);
    assert.equal(operationsOf(loop), 1);
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
    assert.equal(operationsOf(loop), 0);
    loads.under[0]!.succeed({ number: 42 });
    await ticks(2);
    assert.equal(called, false);
    assert.equal(await loads.lazy.call(numberOf), 42);
    assert.equal(loads.under.length, 1);
  },
);

runs("lazy module: a cancellation wins in the moment in which the load ends, too", async () => {
  const loads = new Loads();
  let called = false;
  const task = createTask(() =>
    loads.lazy.call(() => {
      called = true;
      return Promise.resolve();
    })
  );
  await ticks(1);
  loads.under[0]!.succeed({ number: 42 });
  await Promise.resolve();
  await Promise.resolve();
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  assert.equal(called, false);
});

runs("lazy module: a load that fails fails its calls, and the next call tries again", async () => {
  const loads = new Loads();
  const trouble = new Error("no such file");
  const tasks = [0, 1].map(() => createTask(() => loads.lazy.call(numberOf)));
  await ticks(1);
  loads.under[0]!.fail(trouble);
  for (const task of tasks) {
    await assert.rejects(async () => await task, (error) => error === trouble);
  }
  const next = createTask(() => loads.lazy.call(numberOf));
  await ticks(1);
  loads.under[1]!.succeed({ number: 42 });
  assert.equal(await next, 42);
});

runs("lazy module: a failed load of a cancelled call is nobody's unhandled rejection", async () => {
  const loads = new Loads();
  const task = createTask(() => loads.lazy.call(numberOf));
  await ticks(1);
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  loads.under[0]!.fail(new Error("no such file"));
  await sleep(0.001);
  assert.ok(task.cancelled());
});

test("lazy module: the testing clock stands still while it is loaded", async () => {
  const lazy = new LazyModule(
    "the answer",
    () => new Promise<Module>((resolve) => setTimeout(() => resolve({ number: 42 }), 20)),
  );
  const answer = await runTest(async () => {
    const later = createTask(() => sleep(3600));
    const found = await timeout(0.001).with(() => lazy.call(numberOf));
    assert.ok(!later.done());
    later.cancel();
    return found;
  });
  assert.equal(answer, 42);
});

runs("lazy module: the load is in nobody's context", async () => {
  const store = new AsyncLocalStorage<string>();
  let seen: string | undefined = "not loaded";
  const lazy = new LazyModule("the answer", () => {
    seen = store.getStore();
    return Promise.resolve({ number: 42 });
  });
  const found = await store.run(
    "mine",
    () => lazy.call(async (module) => `${module.number} ${store.getStore()}`),
  );
  assert.equal(seen, undefined);
  assert.equal(found, "42 mine");
});

test("lazy module: rejecting() makes a rejection of what a call throws, and hands on its promise", async () => {
  const promise = Promise.resolve();
  assert.equal(rejecting(() => promise), promise);
  const trouble = new Error("wrong argument");
  await assert.rejects(
    rejecting(() => {
      throw trouble;
    }),
    (error) => error === trouble,
  );
});

test("lazy module: early ones are loaded with the eighth descriptor, not with the first", async () => {
  let loads = 0;
  const load = () => Promise.resolve({ number: ++loads });
  const [used, other] = [new LazyModule("one", load, true), new LazyModule("another", load, true)];
  await used.load();
  noteDescriptors(7);
  assert.equal(other.loaded, null);
  assert.equal(loads, 1);
  noteDescriptors(1);
  assert.equal((await other.load()).number, 2);
  assert.equal((await used.load()).number, 1);
});

test("lazy module: an import asks Deno for no part of itself that it would have to load", {
  skip: !("Deno" in globalThis),
}, async () => {
  const program = new URL("./_import_program.ts", import.meta.url);
  const { stdout, stderr } = await runProgram(program);
  const asked = new Set(JSON.parse(stdout || `["${stderr}"]`) as string[]);
  asked.delete("TextEncoder");
  assert.deepEqual([...asked], []);
});
