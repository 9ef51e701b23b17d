// What console.log prints: the state of an object is private, so without a word of its own it would be `Task {}`.
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import * as asyncio from "../../mod.ts";
import { createTask, Future, Queue, run, sleep } from "../../mod.ts";

type Inspect = (value: unknown, options?: object) => string;

/** All the ways to print that the runtime has; the last one is its console's. */
function printers(): Inspect[] {
  const { Deno, Bun } = globalThis as { Deno?: { inspect: Inspect }; Bun?: { inspect: Inspect } };
  const own = Deno ?? Bun;
  return own === undefined ? [inspect] : [inspect, own.inspect];
}

function assertPrints(value: unknown, text: string | RegExp): void {
  for (const print of printers()) {
    if (typeof text === "string") assert.equal(print(value), text);
    else assert.match(print(value), text);
  }
}

/** One of each class with a state, open where that takes a connection. */
async function instances(use: (all: Record<string, object>) => void): Promise<void> {
  const loop = asyncio.getRunningLoop();
  const server = await asyncio.startServer(() => {}, "127.0.0.1", 0);
  const { port } = server.sockets[0]!.getsockname() as { port: number };
  const [reader, writer] = await asyncio.openConnection("127.0.0.1", port);
  const [datagrams] = await loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), {
    localAddr: { hostname: "127.0.0.1", port: 0 },
  });
  const pool = new asyncio.ThreadPoolExecutor();
  const child = await asyncio.createSubprocessExec("true");
  const [childTransport] = await loop.subprocessExec(() => ({}), "true");
  const user = new asyncio.ContextVar("user");
  const timer = loop.callLater(60, () => {});
  const task = createTask(() => sleep(60), { name: "waiting" });
  try {
    use({
      task,
      future: loop.createFuture(),
      gathering: asyncio.gather([asyncio.shield(sleep(0))]),
      group: new asyncio.TaskGroup(),
      timeout: asyncio.timeout(5),
      runner: new asyncio.Runner(),
      loop,
      handle: loop.callSoon(() => {}),
      timer,
      context: asyncio.copyContext(),
      user,
      lock: new asyncio.Lock(),
      event: new asyncio.Event(),
      condition: new asyncio.Condition(),
      semaphore: new asyncio.Semaphore(),
      bounded: new asyncio.BoundedSemaphore(2),
      barrier: new asyncio.Barrier(2),
      server,
      socket: server.sockets[0]!,
      fresh: new asyncio.Socket(),
      reader,
      writer,
      transport: writer.transport,
      datagrams,
      child,
      childTransport,
      pool,
    });
  } finally {
    task.cancel();
    timer.cancel();
    datagrams.close();
    writer.close();
    server.close();
    await child.wait();
    childTransport.close();
    await pool.shutdown();
  }
}

test("printing: everything with a state prints what its toString() tells", async () => {
  await run(() =>
    instances((all) => {
      for (const [name, object] of Object.entries(all)) {
        const text = String(object);
        assert.match(text, /^<\w+.*>$/, name);
        assertPrints(object, text);
      }
    })
  );
});

test("printing: a task tells its name and what it waits for, inside other objects too", async () => {
  await run(async () => {
    const task = createTask(() => sleep(60), { name: "worker" });
    await sleep(0);
    assertPrints(task, /^<Task pending name="worker" .*wait_for=sleep/);
    assertPrints({ jobs: [task] }, /jobs: \[\s*<Task pending name="worker" [^\n]*>\s*\]/);
    task.cancel();
  });
});

test("printing: a finished future tells its result", async () => {
  await run(async () => {
    const future = new Future<number>();
    future.setResult(42);
    assertPrints(future, "<Future finished result=42>");
  });
});

test("printing: futures that lead to each other in a ring are printed", async () => {
  await run(async () => {
    const one = new Future<object>();
    const other = new Future<object>();
    one.setResult([other]);
    other.setResult({ one });
    assertPrints(one, /^<Future finished/);
  });
});

test("printing: a queue tells its items", () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  assertPrints(queue, /^<Queue #\d+ maxsize=0 _queue=\[1\]/);
});

test("printing: a subclass prints what its own toString() tells", async () => {
  class Job extends Future<void> {
    override toString(): string {
      return "<a job>";
    }
  }
  await run(async () => {
    assertPrints(new Job(), "<a job>");
  });
});

test("printing: what has no private state, or a toString() that fails, breaks no console.log", async () => {
  class Broken extends Future<void> {
    override toString(): string {
      throw new Error("no text");
    }
  }
  await run(async () => {
    for (const print of printers()) {
      assert.match(print(new Broken()), /^<Broken that can't be shown: Error: no text>$/);
      assert.match(print(Future.prototype), /Future|Object/);
      assert.equal(typeof print(new Proxy(new Future(), {})), "string");
    }
  });
});

test("printing: a context names its variables, not their values", () => {
  const token = new asyncio.ContextVar<string>("token");
  const context = asyncio.copyContext();
  context.run(() => token.set("secret"));
  for (const print of printers()) {
    assert.match(print(context), /^<Context .*\btoken>$/);
    assert.doesNotMatch(print(context), /secret/);
  }
});

test("printing: a ConcurrentFuture and a pool tell where they are", async () => {
  await run(async () => {
    const pool = new asyncio.ThreadPoolExecutor({ maxWorkers: 1 });
    assertPrints(pool, "<ThreadPoolExecutor>");
    const future = pool.submit(() => 1);
    assertPrints(future, "<ConcurrentFuture pending>");
    await future;
    assertPrints(future, "<ConcurrentFuture finished>");
    await pool.shutdown();
    assertPrints(pool, "<ThreadPoolExecutor shutdown>");
  });
});

test("printing: a runner tells its state", async () => {
  const runner = new asyncio.Runner();
  assertPrints(runner, "<Runner created>");
  await runner.run(() => assertPrints(runner, "<Runner initialized>"));
  await runner.close();
  assertPrints(runner, "<Runner closed>");
});
