import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  Barrier,
  Condition,
  ContextVar,
  createTask,
  currentTask,
  Event,
  Future,
  gather,
  getRunningLoop,
  Lock,
  ProcessPoolExecutor,
  Queue,
  type RemoteFunction,
  run,
  Runner,
  RuntimeError,
  Semaphore,
  Socket,
  StreamReader,
  TaskGroup,
  threadModule,
  ThreadPoolExecutor,
  timeout,
  toThread,
  transfer,
} from "../../../mod.ts";
import { nameHelper } from "../../../runtime/threads/worker_program.ts";
import { rejection, runs, sharedFlags, workModule } from "../../_support/threads.ts";

runs("THR-01: a self-contained function runs in a worker and its value comes back", async () => {
  const inWorker = await toThread(() => {
    const { isMainThread } = process.getBuiltinModule("node:worker_threads");
    return isMainThread;
  });
  assert.equal(inWorker, false);
});

runs("THR-01: a function of a typed module runs in a worker", async () => {
  const sum: number = await toThread(workModule.add, 1, 2);
  assert.equal(sum, 3);
});

runs("THR-01: an async function is awaited in the worker", async () => {
  assert.equal(await toThread(workModule.addSlowly, 1, 2), 3);
});

test("THR-01: all forms of functions can be sent as source", async () => {
  const object = {
    method(n: number) {
      return n + 1;
    },
    async asyncMethod(n: number) {
      return await Promise.resolve(n + 2);
    },
    ["computed name"](n: number) {
      return n + 3;
    },
  };
  await run(async () => {
    assert.equal(await toThread(object.method, 1), 2);
    assert.equal(await toThread(object.asyncMethod, 1), 3);
    assert.equal(await toThread(object["computed name"], 1), 4);
    assert.equal(
      await toThread(function named(n: number): number {
        return n <= 1 ? 1 : n * named(n - 1);
      }, 5),
      120,
    );
    assert.equal(await toThread(async (n: number) => await Promise.resolve(n), 9), 9);
  });
});

runs("THR-01: a sent function may import built-in modules", async () => {
  const name = await toThread(async () => (await import("node:path")).basename("/a/b.txt"));
  assert.equal(name, "b.txt");
});

test("THR-01: it works in plain code, on the ambient loop", async () => {
  assert.equal(await toThread((n: number) => n * 2, 21), 42);
});

runs("THR-01: a worker may use threads of its own", async () => {
  assert.equal(await toThread(workModule.nested, 6, 7), 42);
});

test("THR-01: a variable from outside of a sent function is an error that names it and the way out", async () => {
  // Not a constant: Bun would put its value in the function's source.
  const outside = Number("5");
  await run(async () => {
    const error = await rejection(toThread(() => outside + 1));
    assert.ok(error instanceof ReferenceError);
    assert.match(
      error.message,
      /^outside is not defined in the thread.*threadModule<typeof import/,
    );
  });
});

runs("THR-01: a ReferenceError of a module is left as it is", async () => {
  const broken = threadModule<{ f(): number }>(
    "data:text/javascript,export const f = () => missing",
  );
  const error = await rejection(toThread(broken.f));
  assert.ok(error instanceof ReferenceError);
  assert.doesNotMatch(error.message, /threadModule/);
});

test("THR-01: functions without source are refused at the call", async () => {
  class Job {}
  await run(async () => {
    const forms: [unknown, RegExp][] = [
      [parseInt, /built in or bound.*Write/],
      [((n: number) => n).bind(null), /built in or bound/],
      [Job, /Cannot run the class Job/],
      [5, /function is expected.*a number/],
    ];
    for (const [fn, message] of forms) {
      const error = await rejection(toThread(fn as () => void));
      assert.ok(error instanceof TypeError);
      assert.match(error.message, message);
    }
  });
});

test("THR-01: a function of a threadModule called directly shows the right call", () => {
  assert.throws(() => workModule.add(1, 2), (error) => {
    assert.ok(error instanceof RuntimeError);
    assert.match(error.message, /await toThread\(work\.add, \.\.\.args\)/);
    return true;
  });
});

test("THR-01: an export that is not there or no function is named in the error", async () => {
  const loose = workModule as unknown as Record<string, () => void>;
  await run(async () => {
    assert.match(
      (await rejection(toThread(loose.missing!))).message,
      /Cannot run "missing" of .*must export a function/,
    );
    assert.match(
      (await rejection(toThread(loose.notAFunction!))).message,
      /Cannot run "notAFunction" of .*must export a function.*received number/,
    );
  });
});

test("THR-01: a module's URL has to be absolute", () => {
  assert.throws(() => threadModule("./work.ts"), {
    name: "TypeError",
    message: /URL must be absolute, received "\.\/work\.ts".*import\.meta\.url/,
  });
});

test("THR-01: a view of a module is no promise", async () => {
  assert.equal(await Promise.resolve(workModule), workModule);
});

runs("THR-03: each call runs the function once, ten side by side", async () => {
  const counter = new Int32Array(new SharedArrayBuffer(4));
  const count = (shared: Int32Array) => Atomics.add(shared, 0, 1);
  const seen = await gather(Array.from({ length: 10 }, () => () => toThread(count, counter)));
  assert.equal(counter[0], 10);
  assert.deepEqual([...seen].sort((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

runs("THR-03: a module is loaded once per worker", async () => {
  const first = await toThread(workModule.countCalls);
  assert.equal(await toThread(workModule.countCalls), first + 1);
});

runs("THR-04: arguments arrive as they were given, options as a last object", async () => {
  assert.equal(await toThread(workModule.describe, { name: "x", sizes: [1, 2] }), "x:1+2");
  const rich = {
    map: new Map([["a", new Set([1n])]]),
    date: new Date(0),
    list: [undefined, null, NaN],
  };
  assert.deepEqual(await toThread((value: typeof rich) => value, rich), rich);
});

test("THR-04: arguments are taken as they are at the call, also when the work has to wait", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const list = [1];
    const futures = [0, 1, 2].map(() => pool.submit((given: number[]) => given, list));
    list.push(2);
    for (const future of futures) assert.deepEqual(await future, [1]);
    await pool.shutdown();
  });
});

runs("THR-04: a transferred buffer is moved there and empty here", async () => {
  const bytes = new Uint8Array(1000).fill(2);
  assert.equal(await toThread(workModule.sumBytes, transfer(bytes, [bytes.buffer])), 2000);
  assert.equal(bytes.byteLength, 0);
});

test("THR-04: a transferred buffer may be deep inside an argument, and wait in the queue", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const size = (o: { parts: Uint8Array[] }) => o.parts[0]!.byteLength;
    const results = [3, 4].map((length) => {
      const part = new Uint8Array(length);
      const future = pool.submit(size, { parts: [transfer(part, [part.buffer])] });
      assert.equal(part.byteLength, 0);
      return future;
    });
    assert.deepEqual([await results[0], await results[1]], [3, 4]);
    await pool.shutdown();
  });
});

runs("THR-04: a result can be transferred", async () => {
  const bytes = await toThread(workModule.makeBytes, 4096);
  assert.equal(bytes.byteLength, 4096);
  assert.equal(bytes[4095], 1);
});

test("THR-04: transfer takes objects and a list", () => {
  assert.throws(() => transfer(5, []), {
    name: "TypeError",
    message: /an object with buffers, received a number/,
  });
  const bytes = new Uint8Array(1);
  assert.throws(() => transfer(bytes, bytes.buffer as unknown as []), {
    name: "TypeError",
    message: /transfer\(bytes, \[bytes\.buffer\]\)/,
  });
});

runs(
  "THR-04: what can't be copied is a TypeError, and the worker takes the next call",
  async () => {
    const error = await rejection(toThread((value: unknown) => value, Symbol("x")));
    assert.ok(error instanceof TypeError);
    assert.match(error.message, /^Cannot send the arguments/);
    const result = await rejection(toThread(() => () => 5));
    assert.ok(result instanceof TypeError);
    assert.match(result.message, /^Cannot send the result/);
    assert.equal(await toThread((n: number) => n, 1), 1);
  },
);

test("THR-05: the caller's context variables can be read in a module's functions", async () => {
  const user = new ContextVar<unknown>("user");
  await run(async () => {
    user.set("ada");
    assert.equal(await toThread(workModule.currentUser), "ada");
    user.set({ name: "bob", tags: ["x"] });
    assert.deepEqual(await toThread(workModule.currentUser), { name: "bob", tags: ["x"] });
    assert.deepEqual(await toThread(workModule.currentUserInTask), { name: "bob", tags: ["x"] });
  });
});

test("THR-05: each task brings its own, and a worker keeps none of them", async () => {
  const user = new ContextVar<unknown>("user");
  await run(async () => {
    const seen = await gather(["a", "b", "c"].map((name) => () => {
      user.set(name);
      return toThread(workModule.currentUser);
    }));
    assert.deepEqual(seen, ["a", "b", "c"]);
    assert.equal(await toThread(workModule.currentUser), "nobody");
  });
});

test("THR-05: what the worker sets stays in the worker", async () => {
  const user = new ContextVar<unknown>("user");
  await run(async () => {
    user.set("here");
    assert.equal(await toThread(workModule.changeUser), "changed in the worker");
    assert.equal(user.get(), "here");
  });
});

for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
  for (const way of ["plainly", "after an await", "task", "run"]) {
    test(`THR-05: what a job sets (${way}) no later job of a ${Pool.name} sees`, async () => {
      const user = new ContextVar<string>("user");
      await run(async () => {
        const pool = new Pool({ maxWorkers: 1 });
        getRunningLoop().setDefaultExecutor(pool);
        const seen: unknown[] = [];
        const job = async (name: string | null) => {
          seen.push(await toThread(workModule.setUser, way, name));
        };
        await createTask(() => (user.set("alice"), job("bob")));
        await createTask(() => (user.set("carol"), job(null)));
        await createTask(() => job(null));
        assert.deepEqual(seen, ["bob", "carol", "nobody"]);
        await pool.shutdown();
      });
    });
  }

  test(`THR-05: submit() of a ${Pool.name} and runInExecutor() bring the caller's variables, too`, async () => {
    const user = new ContextVar<string>("user");
    await run(async () => {
      const pool = new Pool({ maxWorkers: 1 });
      user.set("ada");
      assert.equal(await pool.submit(workModule.currentUser), "ada");
      user.set("bob");
      assert.equal(await getRunningLoop().runInExecutor(pool, workModule.currentUser), "bob");
      await pool.shutdown();
    });
  });
}

test("THR-05: what a job leaves behind still sees its own caller's variables, and no signal", async () => {
  const user = new ContextVar<string>("user");
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const flags = sharedFlags();
    user.set("alice");
    await pool.submit(workModule.readUserLater, flags);
    user.set("bob");
    const seen = await pool.submit(workModule.whatWasReadLater, flags);
    assert.deepEqual(seen, ["bob", "alice", true]);
    await pool.shutdown();
  });
});

test("THR-05: another library's storage that a job enters does not reach the next one", async () => {
  await run(async () => {
    const pool = new ThreadPoolExecutor({ maxWorkers: 1 });
    const enter = (value: string | null) => {
      const { AsyncLocalStorage } = process.getBuiltinModule("node:async_hooks");
      const scope = globalThis as unknown as { storage?: InstanceType<typeof AsyncLocalStorage> };
      scope.storage ??= new AsyncLocalStorage();
      if (value !== null) scope.storage.enterWith(value);
      return scope.storage.getStore() ?? null;
    };
    assert.equal(await pool.submit(enter, "alice"), "alice");
    assert.equal(await pool.submit(enter, null), null);
    await pool.shutdown();
  });
});

test("THR-01: `this` of a function that is sent is undefined, as in the module it comes from", async () => {
  const object = {
    method(): unknown {
      return this === undefined;
    },
  };
  function plain(this: unknown): boolean {
    return this === undefined;
  }
  await run(async () => {
    assert.equal(await toThread(plain), true);
    assert.equal(await toThread(object.method), true);
  });
});

test("THR-01: a function of a sloppy script can be sent although strict code could not hold it", async () => {
  const sloppy = (0, eval)("(function () { return 010 + 1; })") as () => number;
  assert.equal(await run(() => toThread(sloppy)), 9);
});

runs(
  "THR-04: an object that belongs to this thread's loop is refused with what to pass in its place",
  async () => {
    const loop = getRunningLoop();
    const handle = loop.callLater(60, () => {});
    const socket = new Socket();
    const objects: [unknown, RegExp][] = [
      [loop, /EventLoop .*getParentLoop\(\)/],
      [currentTask(), /Task .*await it here and pass its value/],
      [new Future(), /Future .*await it here/],
      [new Lock(), /Lock .*toThread\(work, \(step\) => lock/],
      [new Semaphore(1), /Semaphore /],
      [new Condition(), /Condition /],
      [new Event(), /Event .*event\.wait\(\)/],
      [new Barrier(2), /Barrier /],
      [new Queue(), /Queue .*queue\.put\(item\)/],
      [new TaskGroup(), /TaskGroup /],
      [timeout(1), /Timeout /],
      [new StreamReader(), /StreamReader .*pass the data/],
      [socket, /Socket .*pass the data/],
      [new ContextVar("x"), /ContextVar .*of the same name/],
      [handle, /Handle /],
      [new Runner(), /Runner /],
    ];
    for (const [object, expected] of objects) {
      const errors = [
        await rejection(toThread((value: unknown) => typeof value, object)),
        await rejection(toThread((value: unknown) => typeof value, { options: [object] })),
      ];
      for (const error of errors) {
        assert.ok(error instanceof TypeError, String(error));
        assert.match(error.message, expected);
      }
    }
    handle.cancel();
    socket.close();
  },
);

runs(
  "THR-04: so it is on the way back, and among the arguments of a function of the job",
  async () => {
    for (
      const work of [
        () => toThread(workModule.makeLock),
        () => toThread(workModule.reportLock, () => Promise.resolve()),
        () =>
          toThread(
            async (make: RemoteFunction<[], unknown>) => void await make(),
            () => Promise.resolve(new Lock()),
          ),
      ]
    ) {
      const error = await rejection(work());
      assert.ok(error instanceof TypeError, String(error));
      assert.match(error.message, /an instance of Lock belongs to the thread/);
    }
  },
);

test("THR-05: a value that can't be copied is left out", async () => {
  const user = new ContextVar<unknown>("user");
  await run(async () => {
    await createTask(async () => {
      user.set(() => "a function");
      assert.equal(await toThread(workModule.currentUser), "nobody");
    });
  });
});

test("THR-01: functions that esbuild or tsx compiled can be sent: their helper is there", async () => {
  const compiled = (0, eval)(
    '(n) => { const twice = /* @__PURE__ */ __name((x) => x * 2, "twice"); return twice(n); }',
  ) as (n: number) => number;
  assert.equal(await run(() => toThread(compiled, 4)), 8);
});

test("THR-01: the helper of functions that esbuild compiled is found under its minified name", () => {
  assert.equal(nameHelper('function a(){function b(t){return!1}i(b,"isThenable");c(b)}'), "i");
  assert.equal(
    nameHelper('function isThenable(v) {}\n__name(isThenable, "isThenable");'),
    "__name",
  );
  assert.equal(nameHelper("function isThenable(v) {}\nif (isThenable(result)) {}"), "__name");
});

test("THR-01: a TypeScript module works where the runtime loads TypeScript; else the error says what to do", async () => {
  const folder = await mkdtemp(join(tmpdir(), "asyncio-"));
  const file = join(folder, "work.mts");
  await writeFile(file, "export const triple = (n: number): number => n * 3;\n");
  const module = threadModule<{ triple(n: number): number }>(pathToFileURL(file));
  try {
    const outcome = await run(() => toThread(module.triple, 3).catch(String));
    if (process.versions.node.startsWith("20.") && !("Deno" in globalThis || "Bun" in globalThis)) {
      assert.match(
        String(outcome),
        /^TypeError: .*does not load TypeScript. Compile it to JavaScript/,
      );
    } else assert.equal(outcome, 9);
  } finally {
    await rm(folder, { recursive: true });
  }
});

runs(
  "THR-01: a job counts as an operation under way, so a virtual clock stands still for it",
  async () => {
    const { operations } = getRunningLoop() as unknown as { operations: Set<object> };
    const before = operations.size;
    const job = toThread(() => 5);
    assert.equal(operations.size, before + 1);
    await job;
    assert.equal(operations.size, before);
  },
);
