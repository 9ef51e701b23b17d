import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asCompleted,
  captureCallGraph,
  createTask,
  currentTask,
  Event,
  formatCallGraph,
  Future,
  type FutureCallGraph,
  gather,
  Lock,
  printCallGraph,
  Queue,
  shield,
  sleep,
  type Task,
  TaskGroup,
  timeout,
  wait,
  waitFor,
} from "../../../mod.ts";
import { printed } from "../../_support/printed.ts";
import { assertCancelled, runs, ticks } from "../../_support/tasks.ts";

/** Names of the tasks that wait, each with those that wait for it: `inner <- outer <- main`. */
function shape({ future, awaitedBy }: FutureCallGraph): string {
  const name = "getName" in future ? (future as Task<unknown>).getName() : "future";
  if (awaitedBy.length === 0) return name;
  const above = awaitedBy.map(shape);
  return `${name} <- ${above.length === 1 ? above[0] : `(${above.join(" | ")})`}`;
}

/** A gate, a task that waits for it, and what opens it at the end. */
function gated(): { gate: Future<void>; inner: Task<void> } {
  const gate = new Future<void>();
  const inner = createTask(async () => await gate, { name: "inner" });
  return { gate, inner };
}

function named(name: string, body: () => Promise<unknown>): Task<unknown> {
  return createTask(body, { name });
}

runs("GRAPH-01: the graph of a task leads up a chain of awaits", async () => {
  const { gate, inner } = gated();
  const middle = named("middle", async () => await inner);
  const outer = named("outer", async () => await middle);
  await ticks(3);
  assert.equal(shape(captureCallGraph(inner)!), "inner <- middle <- outer");
  assert.equal(captureCallGraph(inner)!.future, inner);
  gate.setResult();
  await outer;
});

runs("GRAPH-01: a plain future tells who awaits it", async () => {
  const { gate, inner } = gated();
  await ticks();
  const graph = captureCallGraph(gate)!;
  assert.equal(graph.future, gate);
  assert.deepEqual(graph.callStack, []);
  assert.equal(shape(graph), "future <- inner");
  gate.setResult();
  await inner;
});

runs("GRAPH-01: without a future it is the graph of the current task, with its calls", async () => {
  const shapes: string[] = [];
  let callStack: string[] = [];
  const inner = named("inner", async () => {
    await ticks(2);
    function here(): FutureCallGraph {
      const graph = captureCallGraph()!;
      shapes.push(shape(graph));
      return graph;
    }
    callStack = here().callStack;
  });
  const outer = named("outer", async () => await inner);
  await outer;
  assert.match(shapes[0]!, /^inner <- outer <- Task-\d+$/);
  assert.match(callStack[0]!, /here.*graph\.test/);
});

test("GRAPH-01: outside a task there is none", () => {
  assert.equal(captureCallGraph(), null);
  assert.equal(formatCallGraph(), "");
});

runs("GRAPH-01: what is no future is a TypeError", () => {
  for (const wrong of [1, "x", {}, Promise.resolve()]) {
    assert.throws(() => captureCallGraph(wrong as unknown as Future<unknown>), TypeError);
  }
});

const ways: Record<string, [body: (inner: Task<void>) => Promise<unknown>, expected: string]> = {
  gather: [async (inner) => await gather([inner]), "inner <- future <- outer"],
  "nested gathers": [
    async (inner) => await gather([gather([inner])]),
    "inner <- future <- future <- outer",
  ],
  shield: [async (inner) => await shield(inner), "inner <- future <- outer"],
  wait: [async (inner) => await wait([inner]), "inner <- outer"],
  waitFor: [async (inner) => await waitFor(inner, 100), "inner <- outer"],
  timeout: [
    async (inner) =>
      await timeout(100).with(async () => {
        await inner;
      }),
    "inner <- outer",
  ],
  asCompleted: [
    async (inner) => {
      for (const next of asCompleted([inner])) await next;
    },
    "inner <- outer",
  ],
  "asCompleted, for await": [
    async (inner) => {
      for await (const item of asCompleted([inner])) item.result();
    },
    "inner <- outer",
  ],
};

for (const [way, [body, expected]] of Object.entries(ways)) {
  runs(`GRAPH-02: the graph leads through ${way}`, async () => {
    const { gate, inner } = gated();
    const outer = named("outer", () => body(inner));
    await ticks(3);
    assert.equal(shape(captureCallGraph(inner)!), expected);
    gate.setResult();
    await outer;
  });
}

runs("GRAPH-02: the tasks of a group are awaited by the task that runs it", async () => {
  const gate = new Future<void>();
  const children: Task<void>[] = [];
  const outer = named("outer", () =>
    new TaskGroup().with((group) => {
      for (const name of ["a", "b"]) {
        children.push(group.createTask(async () => await gate, { name }));
      }
    }));
  await ticks(2);
  assert.deepEqual(children.map((child) => shape(captureCallGraph(child)!)), [
    "a <- outer",
    "b <- outer",
  ]);
  assert.equal(shape(captureCallGraph(gate)!), "future <- (a <- outer | b <- outer)");
  gate.setResult();
  await outer;
});

runs("GRAPH-02: a task that holds a lock is awaited by those that want it", async () => {
  const lock = new Lock();
  const gate = new Future<void>();
  const holder = named("holder", () => lock.with(async () => await gate));
  await ticks();
  const waiters = ["first", "second"].map((name) => named(name, () => lock.with(async () => {})));
  await ticks();
  const graph = captureCallGraph(holder)!;
  assert.deepEqual(
    new Set(graph.awaitedBy.map(({ future }) => (future as Task<unknown>).getName())),
    new Set(["first", "second"]),
  );
  assert.match(
    captureCallGraph(waiters[0])!.callStack[0]!,
    /^waiting for .*Lock.*held by 'holder'/,
  );
  gate.setResult();
  await Promise.all(waiters);
  await holder;
});

runs("GRAPH-03: the call stack begins with what the task waits for", async () => {
  const queue = new Queue<number>();
  const event = new Event();
  const { gate, inner } = gated();
  const bodies: [() => Promise<unknown>, RegExp][] = [
    [() => queue.get(), /Queue/],
    [() => event.wait(), /Event/],
    [() => sleep(50), /sleep/],
    [async () => await inner, /^waiting for Task\(name="inner", id=0x[0-9a-f]+\)$/],
    [async () => await gate, /^waiting for Future\(id=0x[0-9a-f]+\)$/],
  ];
  for (const [body, expected] of bodies) {
    const task = named("waits", body);
    await ticks(2);
    assert.match(captureCallGraph(task)!.callStack[0]!, expected);
    task.cancel();
    await assertCancelled(task);
    if (inner.done()) break;
  }
});

runs("GRAPH-03: in debug mode the frames of the wait follow, innermost first", async (loop) => {
  loop.setDebug(true);
  async function waitsHere(): Promise<void> {
    await sleep(10);
  }
  const task = named("waits", async () => {
    await waitsHere();
  });
  await ticks();
  const [what, innermost] = captureCallGraph(task)!.callStack;
  assert.match(what!, /^waiting for sleep/);
  assert.match(innermost!, /waitsHere.*graph\.test/);
  task.cancel();
  await assertCancelled(task);
});

runs(
  "GRAPH-03: limit keeps the entries next to the wait, a negative one the outermost",
  async (loop) => {
    loop.setDebug(true);
    async function waitsHere(): Promise<void> {
      await sleep(10);
    }
    const task = named("waits", async () => {
      await waitsHere();
    });
    await ticks();
    const all = captureCallGraph(task)!.callStack;
    const stack = (limit: number): string[] => captureCallGraph(task, { limit })!.callStack;
    assert.deepEqual(stack(1), all.slice(0, 1));
    assert.deepEqual(stack(-1), all.slice(-1));
    assert.deepEqual(stack(0), []);
    assert.deepEqual(stack(1000), all);
    task.cancel();
    await assertCancelled(task);
  },
);

runs("GRAPH-04: a future reached on several ways is one object", async () => {
  const { gate, inner } = gated();
  const top = named("top", async () => {
    await gather([1, 2].map(() => async () => await shield(inner)));
  });
  await ticks(4);
  const graph = captureCallGraph(inner)!;
  const gathers = graph.awaitedBy.map((shielded) => shielded.awaitedBy[0]!.awaitedBy[0]!);
  assert.equal(gathers.length, 2);
  assert.equal(gathers[0], gathers[1]);
  gate.setResult();
  await top;
});

runs("GRAPH-04: graphs that share nodes on every level stay small", async () => {
  const gate = new Future<void>();
  // Each level is awaited by both futures of the next: 2^40 ways lead to the top.
  let level: Future<unknown>[] = [gate, gate];
  for (let depth = 0; depth < 40; depth++) level = [gather(level), gather([...level].reverse())];
  const top = createTask(async () => await gather(level), { name: "top" });
  await ticks(2);
  const text = formatCallGraph(gate);
  assert.ok(text.split("\n").length < 500, `${text.split("\n").length} lines`);
  assert.match(text, /Task\(name="top"/);
  assert.match(text, /, as above/);
  gate.setResult();
  await top;
});

runs("GRAPH-04: a ring of tasks is cut", async () => {
  const ring: Task<unknown>[] = [];
  for (const index of [0, 1, 2]) {
    ring.push(named(`task ${index}`, async () => {
      await sleep(0);
      await ring[(index + 1) % 3];
    }));
  }
  await ticks(3);
  assert.equal(shape(captureCallGraph(ring[0])!), "task 0 <- task 2 <- task 1 <- task 0");
  assert.ok(formatCallGraph(ring[0]).length < 2000);
  ring[0]!.cancel();
  for (const task of ring) await assertCancelled(task);
});

runs("GRAPH-04: a very long chain neither overflows nor prints without bound", async () => {
  const { gate, inner } = gated();
  let last: Task<unknown> = inner;
  for (let i = 0; i < 3000; i++) {
    const below = last;
    last = createTask(async () => await below);
  }
  await ticks(3);
  let depth = 0;
  for (let node = captureCallGraph(inner)!; node.awaitedBy.length > 0; node = node.awaitedBy[0]!) {
    depth++;
  }
  assert.equal(depth, 3000);
  assert.ok(formatCallGraph(inner).length < 200_000);
  gate.setResult();
  await last;
});

runs("GRAPH-05: waits that have ended leave the graph", async () => {
  const { gate, inner } = gated();
  const outer = named("outer", async () => {
    await wait([inner], { timeout: 1 });
    await sleep(5);
  });
  const shielding = named("shielding", async () => await shield(inner));
  await ticks(2);
  shielding.cancel();
  await assertCancelled(shielding);
  await sleep(2);
  assert.equal(shape(captureCallGraph(inner)!), "inner");
  gate.setResult();
  await outer;
  assert.deepEqual(captureCallGraph(inner), { future: inner, callStack: [], awaitedBy: [] });
});

runs("GRAPH-06: formatCallGraph() writes it as asyncio does", async () => {
  const { gate, inner } = gated();
  const outer = named("outer", async () => await gather([inner]));
  await ticks(3);
  const lines = formatCallGraph(inner).replace(/id=0x[0-9a-f]+/g, "id=0xN").split("\n");
  assert.deepEqual(lines, [
    '* Task(name="inner", id=0xN)',
    "  + Call stack:",
    "  |   waiting for Future(id=0xN)",
    "  + Awaited by:",
    "    * gather(id=0xN)",
    "      + Awaited by:",
    '        * Task(name="outer", id=0xN)',
    "          + Call stack:",
    "          |   waiting for gather(id=0xN)",
  ]);
  gate.setResult();
  await outer;
});

runs("GRAPH-06: what shields is told from other futures", async () => {
  const { gate, inner } = gated();
  const outer = named("outer", async () => await shield(inner));
  await ticks(3);
  assert.match(formatCallGraph(inner), /\* shield\(id=.*waiting for shield\(id=/s);
  gate.setResult();
  await outer;
});

runs("GRAPH-06: tasks of the same name have different ids, a task always the same", async () => {
  const tasks = [1, 2].map(() => named("same", () => sleep(1)));
  const idOf = (task: Task<unknown>): string => /id=(0x[0-9a-f]+)/.exec(formatCallGraph(task))![1]!;
  assert.notEqual(idOf(tasks[0]!), idOf(tasks[1]!));
  assert.equal(idOf(tasks[0]!), idOf(tasks[0]!));
  await gather(tasks);
});

runs("GRAPH-06: printCallGraph() prints it to a file or the console", async () => {
  const task = named("printed", () => sleep(1));
  const texts: string[] = [];
  printCallGraph(task, { file: { write: (text) => void texts.push(text) }, limit: 0 });
  assert.match(texts.join(""), /^\* Task\(name="printed", id=0x[0-9a-f]+\)\n$/);
  const calls = await printed("log", () => printCallGraph(task, { limit: 0 }));
  assert.deepEqual(calls.map(([text]) => `${text}\n`), texts);
  await task;
  assert.equal(currentTask() === null, false);
});
