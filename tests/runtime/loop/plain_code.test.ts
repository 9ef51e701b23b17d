/** Code that the runtime calls, not the loop: handlers of its servers, timers, what outlives a run. Real time and sockets. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import {
  ContextVar,
  copyContext,
  createTask,
  currentTask,
  Event,
  type EventLoop,
  getEventLoop,
  getRunningLoop,
  newEventLoop,
  run,
  Runner,
  RuntimeError,
  sleep,
  TaskGroup,
  timeout,
} from "../../../mod.ts";
import { runProgram } from "../../_support/programs.ts";
import {
  type Handler,
  type WebServer,
  webServers,
  withServer,
} from "../../_support/web_servers.ts";

/** Resolves once `count` callers are inside at the same time. */
function meeting(count: number): () => Promise<void> {
  const { promise, resolve } = deferred<void>();
  let here = 0;
  return () => {
    if (++here === count) resolve();
    return promise;
  };
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => resolve = settle);
  return { promise, resolve };
}

/** A few turns of the runtime's own event loop. */
async function turns(count = 3): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setTimeout(resolve, 1));
}

const users = ["/alice", "/bob", "/carol"];

for (const [name, serve] of webServers) {
  const kind = `with ${name}`;

  test(`PLAIN-01: what a handler sets, other requests don't see, ${kind}`, async () => {
    const user = new ContextVar("user", { default: "nobody" });
    const meet = meeting(users.length);
    let count = 0;
    const handler: Handler = async () => {
      const mine = `user ${++count}`;
      const before = user.get();
      user.set(mine);
      await meet();
      await sleep(0.001);
      return `${before} ${user.get() === mine}`;
    };
    await withServer(serve, handler, async (server) => {
      assert.deepEqual(
        await Promise.all(users.map((path) => server.get(path))),
        users.map(() => "nobody true"),
      );
    });
    assert.equal(user.get(), "nobody");
  });

  test(`PLAIN-01: nor where no variable was set before, ${kind}`, async () => {
    const program = new URL("./_plain_program.ts", import.meta.url);
    const { stdout, stderr } = await runProgram(program, { args: [name] });
    assert.deepEqual([stdout, stderr], ["nobody true\n", ""]);
  });

  test(`PLAIN-01: nor does the next request on the same connection, ${kind}`, async () => {
    const user = new ContextVar("user", { default: "nobody" });
    const handler: Handler = async () => {
      const seen = [user.get()];
      await null;
      seen.push(user.get());
      await sleep(0.001);
      seen.push(user.get());
      return seen.join();
    };
    let set = true;
    const first: Handler = (path) => {
      // At once, before any await, where the async context is that of the connection itself.
      if (set) user.set("the first one's");
      set = false;
      return handler(path);
    };
    await withServer(serve, first, async (server) => {
      assert.deepEqual(await server.getInTurn(["/a", "/b", "/c"]), [
        "the first one's,the first one's,the first one's",
        "nobody,nobody,nobody",
        "nobody,nobody,nobody",
      ]);
    });
  });

  test(`PLAIN-02: what is set before a server begins, its handlers see, ${kind}`, async () => {
    const level = new ContextVar("level", { default: 0 });
    level.set(1);
    await sleep(0.001);
    const server = await serve(async () => {
      const before = level.get();
      await sleep(0.001);
      level.set(level.get() + 10);
      await sleep(0.001);
      return `${before} ${level.get()}`;
    });
    level.set(2);
    try {
      assert.deepEqual(await server.getInTurn(["/a", "/b"]), ["1 11", "1 11"]);
      assert.equal(level.get(), 2);
    } finally {
      await server.close();
    }
  });

  test(`PLAIN-03: a handler's values hold under timeout and group, ${kind}`, async () => {
    const user = new ContextVar("user", { default: "nobody" });
    const meet = meeting(users.length);
    let count = 0;
    const handler: Handler = async () => {
      const mine = `user ${++count}`;
      return await timeout(60).with(async () => {
        const seen = [user.get()];
        user.set(mine);
        await meet();
        await new TaskGroup().with(async (group) => {
          group.createTask(() => void seen.push(user.get()));
          await sleep(0.001);
          seen.push(user.get());
        });
        return seen.map((value) => value === mine ? "mine" : value).join();
      });
    };
    await withServer(serve, handler, async (server) => {
      assert.deepEqual(
        await Promise.all(users.map((path) => server.get(path))),
        users.map(() => "nobody,mine,mine"),
      );
    });
  });

  test(`PLAIN-05: a request lives on when the task that serves is cancelled, ${kind}`, async () => {
    await run(async () => {
      const [up, began, goOn] = [new Event(), new Event(), deferred<void>()];
      let server!: WebServer;
      const service = createTask(async () => {
        server = await serve(async () => {
          began.set();
          await goOn.promise;
          await sleep(0.001);
          return `served by ${currentTask()?.getName() ?? "no task"}`;
        });
        up.set();
        await sleep(3600);
      });
      await up.wait();
      const answer = server.get("/");
      await began.wait();
      service.cancel();
      await assert.rejects(async () => await service, { name: "CancelledError" });
      goOn.resolve();
      assert.equal(await answer, "served by no task");
      await server.close();
    });
  });

  test(`PLAIN-05: a wait of a request is not the serving task's, ${kind}`, async () => {
    await run(async () => {
      const [up, began] = [new Event(), new Event()];
      let server!: WebServer;
      const service = createTask(async () => {
        server = await serve(async () => {
          began.set();
          return await sleep(0.05, "served").catch(String);
        });
        up.set();
        await sleep(3600);
      });
      await up.wait();
      const answer = server.get("/");
      await began.wait();
      service.cancel();
      assert.equal(await answer, "served");
      await server.close();
    });
  });

  test(`PLAIN-05: a server made in a run serves after it, on the ambient loop, ${kind}`, async () => {
    let loop: EventLoop | null = null;
    const server = await run(() =>
      serve(async () => {
        loop = getEventLoop();
        const task = createTask(() => sleep(0.001, "served"));
        return await task;
      })
    );
    try {
      await turns();
      assert.equal(await server.get("/"), "served");
      assert.equal(loop, getEventLoop());
    } finally {
      await server.close();
    }
  });

  test(`PLAIN-05: a request sees the values of the task that made the server, ${kind}`, async () => {
    const level = new ContextVar("level", { default: 0 });
    await run(async () => {
      level.set(1);
      const handler: Handler = () => {
        level.set(level.get() + 1);
        return String(level.get());
      };
      await withServer(serve, handler, async (server) => {
        assert.deepEqual(await server.getInTurn(["/a", "/b"]), ["2", "2"]);
      });
      assert.equal(level.get(), 1);
    });
  });
}

test("PLAIN-05: handlers that a running server takes later belong to no task either", async () => {
  const { Bun } = globalThis as unknown as {
    Bun?: { serve(options: object): { port: number; reload(options: object): void; stop(): void } };
  };
  const handler = (said: string) => () => new Response(`${said} by ${currentTask()}`);
  const seen = await run(async () => {
    // Only Bun's servers can change their handlers.
    if (Bun === undefined) return "second by null";
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: handler("first") });
    server.reload({ fetch: handler("second") });
    try {
      return await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    } finally {
      server.stop();
    }
  });
  assert.equal(seen, "second by null");
});

test("PLAIN-01: what one tick of an interval sets, the next does not see", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const seen: string[] = [];
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      seen.push(variable.get());
      variable.set(`tick ${seen.length}`);
      if (seen.length < 3) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  assert.deepEqual(seen, ["none", "none", "none"]);
});

test("PLAIN-01: several sets in one tick all hold for what the tick starts", async () => {
  const [first, second] = [
    new ContextVar("first", { default: 0 }),
    new ContextVar("second", {
      default: 0,
    }),
  ];
  const seen = await new Promise<number[]>((resolve) => {
    setTimeout(() => {
      first.set(1);
      copyContext().run(() => second.set(5));
      second.set(2);
      first.set(3);
      setTimeout(() => resolve([first.get(), second.get()]), 1);
    }, 1);
  });
  assert.deepEqual(seen, [3, 2]);
});

test("PLAIN-01: branches of one handler that set after an await stay apart", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const meet = meeting(2);
  const branch = async (value: string): Promise<string> => {
    await null;
    variable.set(value);
    await meet();
    await sleep(0.001);
    return variable.get();
  };
  assert.deepEqual(await Promise.all([branch("a"), branch("b")]), ["a", "b"]);
  assert.equal(variable.get(), "none");
});

test("PLAIN-02: what is set at the top, tasks and callbacks started afterwards see", async () => {
  const level = new ContextVar("level", { default: 0 });
  level.set(1);
  assert.equal(await createTask(() => level.get()), 1);
  assert.equal(await run(() => level.get()), 1);
  assert.equal(
    await new Promise((resolve) => getEventLoop().callSoon(() => resolve(level.get()))),
    1,
  );
  const emitter = new EventEmitter();
  const seen: number[] = [];
  emitter.on("event", () => seen.push(level.get()));
  level.set(2);
  emitter.emit("event");
  assert.deepEqual(seen, [2]);
});

test("PLAIN-03: what a timeout's body sets outside tasks ends with the body", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const inside = await timeout(60).with(async () => {
    variable.set("inside");
    await sleep(0.001);
    return variable.get();
  });
  assert.deepEqual([inside, variable.get()], ["inside", "none"]);
});

test("PLAIN-04: reset() takes back what set() did, across awaits too", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const other = new ContextVar("other", { default: 0 });
  const first = variable.set("first");
  await sleep(0.001);
  const second = variable.set("second");
  other.set(1);
  await null;
  variable.reset(second);
  assert.equal(variable.get(), "first");
  await sleep(0.001);
  variable.reset(first);
  assert.deepEqual([variable.get(), other.get()], ["none", 1]);
  assert.throws(() => variable.reset(first), RuntimeError);
});

test("PLAIN-04: a token of another context is a RangeError", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const outside = variable.set("outside");
  const inside = copyContext().run(() => {
    assert.throws(() => variable.reset(outside), RangeError);
    return variable.set("inside");
  });
  assert.throws(() => variable.reset(inside), RangeError);
  await run(() => assert.throws(() => variable.reset(outside), RangeError));
  assert.equal(variable.get(), "outside");
});

test("PLAIN-06: a timer made in a run works after it, on the ambient loop", async () => {
  const done = deferred<unknown[]>();
  const gate = deferred<void>();
  const level = new ContextVar("level", { default: 0 });
  await run(async () => {
    level.set(7);
    const timer = setInterval(async () => {
      if (!open) return;
      clearInterval(timer);
      assert.throws(() => getRunningLoop(), RuntimeError);
      const loop = getEventLoop();
      const slept = await sleep(0.001, "slept").catch(String);
      const made = await createTask(() => sleep(0, level.get()));
      done.resolve([loop, slept, made, await timeout(60).with(() => sleep(0, "in time"))]);
    }, 1);
  });
  let open = false;
  void gate.promise.then(() => open = true);
  await turns();
  gate.resolve();
  const [loop, ...seen] = await done.promise;
  assert.equal(loop, getEventLoop());
  assert.deepEqual(seen, ["slept", 7, "in time"]);
});

test("PLAIN-06: what one timer of an ended run sets, another does not see", async () => {
  const variable = new ContextVar("variable", { default: "none" });
  const seen: string[] = [];
  const done = deferred<void>();
  await run(() => {
    for (const delay of [30, 40]) {
      setTimeout(async () => {
        seen.push(variable.get());
        variable.set("changed");
        await timeout(60).with(() => {
          variable.set("changed in a body");
        });
        if (delay === 40) done.resolve();
      }, delay);
    }
    variable.set("of the run");
  });
  await done.promise;
  assert.deepEqual(seen, ["of the run", "of the run"]);
});

test("PLAIN-06: a task that its closed loop left undone is still refused", async () => {
  const gate = deferred<void>();
  const loop = newEventLoop();
  const failed = loop.runUntilComplete(() => {
    const task = createTask(async () => {
      await gate.promise;
      return await sleep(0).catch(String);
    });
    return [task];
  });
  const [task] = await failed;
  loop.close();
  await turns();
  gate.resolve();
  await turns();
  assert.match(String(task!.result()), /^RuntimeError: Event loop is closed/);
});

for (
  const [name, body] of [
    ["run()", (main: () => number) => run(main)],
    ["Runner.run()", async (main: () => number) => {
      const runner = new Runner();
      try {
        return await runner.run(main);
      } finally {
        await runner.close();
      }
    }],
    ["runUntilComplete()", async (main: () => number) => {
      const loop = newEventLoop();
      try {
        return await loop.runUntilComplete(main);
      } finally {
        loop.close();
      }
    }],
  ] as const
) {
  test(`CONTEXT-07: ${name} may be called inside Context.run() of plain code`, async () => {
    const variable = new ContextVar("variable", { default: 0 });
    const context = copyContext();
    const seen = await context.run(async () => {
      variable.set(5);
      return await body(() => {
        const before = variable.get();
        variable.set(6);
        return before;
      });
    });
    assert.deepEqual([seen, context.get(variable), variable.get()], [5, 5, 0]);
  });
}

test("CONTEXT-07: Context.run() in plain code is no loop, and keeps what is set in it", async () => {
  const variable = new ContextVar("variable", { default: 0 });
  const context = copyContext();
  await context.run(async () => {
    assert.throws(() => getRunningLoop(), RuntimeError);
    const token = variable.set(1);
    await sleep(0.001);
    await timeout(60).with(() => variable.set(variable.get() + 1));
    assert.equal(variable.get(), 2);
    variable.reset(token);
    variable.set(variable.get() + 10);
  });
  assert.deepEqual([context.get(variable), variable.get()], [10, 0]);
});
