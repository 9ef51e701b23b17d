import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  EventLoop,
  FatalError,
  Future,
  getRunningLoop,
  openConnection,
  run,
  RuntimeError,
  setEventLoop,
  sleep,
  startServer,
  type StreamReader,
  type StreamWriter,
  Task,
} from "../../../mod.ts";
import type { Coroutine, ExceptionContext } from "../../../mod.ts";
import { runProgram } from "../../_support/programs.ts";
import { runs, runsInRealTime, ticks, Trouble } from "../../_support/tasks.ts";

/** A test with a loop of its own, which nothing runs yet; closed at the end. Reports must be taken out of the list. */
function drives(
  name: string,
  body: (loop: EventLoop, reports: ExceptionContext[]) => unknown,
): void {
  test(name, async () => {
    const loop = new EventLoop();
    const reports: ExceptionContext[] = [];
    loop.setExceptionHandler((_loop, context) => void reports.push(context));
    try {
      await body(loop, reports);
    } finally {
      loop.close();
    }
    assert.deepEqual(reports.map(({ message, exception }) => `${message}: ${exception}`), []);
  });
}

drives(
  "LOOP-19: runUntilComplete() gives the result of a coroutine, a task, a future, a promise",
  async (loop) => {
    assert.equal(await loop.runUntilComplete(async () => await sleep(0, 1)), 1);
    assert.equal(await loop.runUntilComplete(loop.createTask(() => 2)), 2);
    const future = loop.createFuture<number>();
    loop.callSoon(() => future.setResult(3));
    assert.equal(await loop.runUntilComplete(future), 3);
    assert.equal(await loop.runUntilComplete(Promise.resolve(4)), 4);
  },
);

drives("LOOP-19: runUntilComplete() rejects with the error", async (loop) => {
  const failing: Coroutine<never> = async () => {
    await sleep(0);
    throw new Trouble();
  };
  await assert.rejects(loop.runUntilComplete(failing), Trouble);
  await assert.rejects(loop.runUntilComplete(loop.createTask(failing)), Trouble);
});

drives("LOOP-19: runUntilComplete() of a wrong type rejects with TypeError", async (loop) => {
  for (const wrong of ["blah", 1, null, undefined, {}]) {
    await assert.rejects(loop.runUntilComplete(wrong as unknown as Promise<void>), TypeError);
  }
  assert.equal(await loop.runUntilComplete(() => "still works"), "still works");
});

drives(
  "LOOP-19: runUntilComplete() of another loop's future rejects with RangeError",
  async (loop) => {
    const other = new EventLoop();
    await assert.rejects(loop.runUntilComplete(other.createFuture()), RangeError);
    other.close();
  },
);

drives("LOOP-19: runUntilComplete() of what is done already needs no wait", async (loop) => {
  const future = loop.createFuture<string>();
  future.setResult("there");
  assert.equal(await loop.runUntilComplete(future), "there");
});

drives("LOOP-20: runUntilComplete() that stop() ends rejects with RuntimeError", async (loop) => {
  const task = loop.createTask(async () => {
    loop.stop();
    await sleep(10);
  });
  await assert.rejects(loop.runUntilComplete(task), {
    name: "RuntimeError",
    message: "Event loop stopped before Future completed.",
  });
  assert.equal(loop.isRunning(), false);
  task.cancel();
  await assert.rejects(loop.runUntilComplete(task), { name: "CancelledError" });
});

drives("LOOP-21: running a running loop is a RuntimeError", async (loop) => {
  await loop.runUntilComplete(async () => {
    for (const again of [() => loop.runForever(), () => loop.runUntilComplete(() => 1)]) {
      await assert.rejects(again, {
        name: "RuntimeError",
        message: "This event loop is already running",
      });
    }
  });
});

drives("LOOP-21: running another loop inside a running one is a RuntimeError", async (loop) => {
  const other = new EventLoop();
  let called = false;
  await loop.runUntilComplete(async () => {
    for (
      const run of [
        () => other.runForever(),
        () =>
          other.runUntilComplete(() => {
            called = true;
          }),
      ]
    ) {
      await assert.rejects(run, {
        name: "RuntimeError",
        message: "Cannot run the event loop while another loop is running",
      });
    }
  });
  assert.equal(called, false);
  other.close();
});

drives(
  "LOOP-21: a second run from plain code while the loop runs is a RuntimeError",
  async (loop) => {
    const first = loop.runUntilComplete(() => sleep(0.002));
    await assert.rejects(loop.runUntilComplete(() => 1), RuntimeError);
    await first;
  },
);

drives("LOOP-21: plain code may run several loops side by side", async (loop) => {
  const other = new EventLoop();
  const seen = await Promise.all([loop, other].map((one) =>
    one.runUntilComplete(async () => {
      await sleep(0.001);
      return getRunningLoop() === one;
    })
  ));
  assert.deepEqual(seen, [true, true]);
  other.close();
});

drives(
  "LOOP-22: a FatalError out of a callback ends the run; the loop can run again",
  async (loop) => {
    const fatal = new FatalError("stop everything");
    const gate = loop.createFuture<string>();
    loop.callSoon(() => {
      throw fatal;
    });
    await assert.rejects(loop.runUntilComplete(gate), (error) => error === fatal);
    assert.equal(loop.isRunning(), false);
    // The first run's done callback is gone: the future's end must not stop this one.
    const log: string[] = [];
    loop.callSoon(() => gate.setResult("late"));
    await loop.runUntilComplete(async () => {
      await gate;
      await sleep(0);
      log.push("ran to its end");
    });
    assert.deepEqual(log, ["ran to its end"]);
  },
);

drives(
  "LOOP-22: callbacks that were ready behind the fatal one wait for the next run",
  async (loop) => {
    const log: string[] = [];
    loop.callSoon(() => {
      throw new FatalError();
    });
    loop.callSoon(() => log.push("behind"));
    await assert.rejects(loop.runForever(), FatalError);
    assert.deepEqual(log, []);
    await loop.runUntilComplete(() => sleep(0));
    assert.deepEqual(log, ["behind"]);
  },
);

for (const kind of ["coroutine", "task"] as const) {
  drives(
    `LOOP-23: a FatalError of a ${kind} rejects the run and is not reported again`,
    async (loop, reports) => {
      const fatal = new FatalError();
      const main: Coroutine<never> = async () => {
        await sleep(0);
        throw fatal;
      };
      const given = kind === "coroutine" ? main : loop.createTask(main);
      await assert.rejects(loop.runUntilComplete(given), (error) => error === fatal);
      if (kind === "task") (given as Task<never>).exception();
      await loop.runUntilComplete(() => sleep(0.001));
      assert.deepEqual(reports, []);
    },
  );
}

drives("LOOP-24: stop() before runForever() makes one iteration", async (loop) => {
  const log: string[] = [];
  loop.callSoon(() => {
    log.push("first iteration");
    loop.callSoon(() => log.push("second iteration"));
  });
  loop.stop();
  await loop.runForever();
  assert.deepEqual(log, ["first iteration"]);
  loop.stop();
  await loop.runForever();
  assert.deepEqual(log, ["first iteration", "second iteration"]);
});

drives("LOOP-24: stop() before an idle runForever() returns at once", async (loop) => {
  loop.callLater(3600, () => {});
  loop.stop();
  await loop.runForever();
  assert.equal(loop.isRunning(), false);
});

drives(
  "LOOP-24: stop() lets the ready callbacks finish, later ones wait for the next run",
  async (loop) => {
    const log: string[] = [];
    loop.callSoon(() => {
      loop.stop();
      log.push("stops");
      loop.callSoon(() => log.push("next run"));
    });
    loop.callSoon(() => log.push("was ready"));
    await loop.runForever();
    assert.deepEqual(log, ["stops", "was ready"]);
    loop.stop();
    await loop.runForever();
    assert.deepEqual(log, ["stops", "was ready", "next run"]);
  },
);

drives("LOOP-24: stop() out of a task ends the run", async (loop) => {
  loop.createTask(async () => {
    await sleep(0);
    loop.stop();
  });
  await loop.runForever();
  assert.equal(loop.isRunning(), false);
});

drives("LOOP-02: a stop and restart neither loses nor repeats I/O", async (loop) => {
  let served: [StreamReader, StreamWriter] | null = null;
  const server = await loop.runUntilComplete(() =>
    startServer((...streams) => void (served = streams), "127.0.0.1", 0)
  );
  const address = server.sockets[0]!.getsockname() as { port: number };
  const [reader, writer] = await loop.runUntilComplete(async () => {
    const streams = await openConnection("127.0.0.1", address.port);
    while (served === null) await sleep(0.001);
    return streams;
  });
  const [, far] = served!;
  const chunks: string[] = [];
  const reading = loop.createTask(async () => {
    for (;;) {
      const chunk = await reader.read(100);
      if (chunk.length === 0) return;
      chunks.push(new TextDecoder().decode(chunk));
      loop.stop();
    }
  });
  await loop.runUntilComplete(async () => {
    far.write("one");
    await far.drain();
  });
  while (chunks.length === 0) await loop.runForever();
  // The loop stands still while this arrives.
  far.write("two");
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(chunks, ["one"]);
  await loop.runForever();
  assert.deepEqual(chunks, ["one", "two"]);
  await loop.runUntilComplete(async () => {
    far.close();
    await reading;
    writer.close();
    server.close();
    await server.waitClosed();
  });
  assert.deepEqual(chunks, ["one", "two"]);
});

test("LOOP-26: close() may be repeated", () => {
  const loop = new EventLoop();
  assert.equal(loop.isClosed(), false);
  loop.close();
  assert.equal(loop.isClosed(), true);
  loop.close();
  assert.equal(loop.isClosed(), true);
});

runs("LOOP-26: close() of a running loop is a RuntimeError", (loop) => {
  assert.throws(() => loop.close(), {
    name: "RuntimeError",
    message: "Cannot close a running event loop",
  });
  assert.equal(loop.isClosed(), false);
});

test("LOOP-26: on a closed loop everything but createFuture() is a RuntimeError", async () => {
  const loop = new EventLoop();
  loop.close();
  const closed = { name: "RuntimeError", message: "Event loop is closed" };
  await assert.rejects(loop.runForever(), closed);
  await assert.rejects(loop.runUntilComplete(() => 1), closed);
  assert.throws(() => loop.callSoon(() => {}), closed);
  assert.throws(() => loop.callSoonThreadsafe(() => {}), closed);
  assert.throws(() => loop.callLater(1, () => {}), closed);
  assert.throws(() => loop.callAt(1, () => {}), closed);
  assert.throws(() => loop.createTask(() => {}), closed);
  assert.throws(() => loop.runInExecutor(null, () => 1), RuntimeError);
  assert.throws(() => loop.addSignalHandler("SIGUSR1", () => {}), RuntimeError);
  const future = loop.createFuture<number>();
  future.setResult(1);
  assert.equal(future.result(), 1);
});

test("LOOP-26: close() ends what still waits, so that its cleanup runs", async () => {
  const loop = new EventLoop();
  const log: string[] = [];
  const task = loop.createTask(async () => {
    try {
      await sleep(3600);
    } finally {
      log.push("cleanup");
    }
  });
  await loop.runUntilComplete(() => sleep(0));
  loop.close();
  await new Promise((resolve) => setTimeout(resolve, 1));
  assert.deepEqual(log, ["cleanup"]);
  assert.ok(task.done());
});

test("LOOP-26: a task that takes no cancellation does not hold the thread once its loop is closed", async () => {
  const program = new URL("./_immortal_program.ts", import.meta.url);
  const { stdout, stderr } = await runProgram(program, { timeout: 20 });
  assert.equal(stdout, "the process goes on\n", stderr);
});

test("LOOP-26: a wait on a closed loop rejects", async () => {
  const loop = new EventLoop();
  setEventLoop(loop);
  try {
    loop.close();
    await new Promise((resolve) => setTimeout(resolve, 1));
    await assert.rejects(sleep(0), RuntimeError);
  } finally {
    setEventLoop(null);
  }
});

drives("LOOP-29: setDebug() and getDebug() switch", (loop) => {
  loop.setDebug(true);
  assert.equal(loop.getDebug(), true);
  loop.setDebug(false);
  assert.equal(loop.getDebug(), false);
});

test("LOOP-29: a loop prints its state", () => {
  const loop = new EventLoop();
  loop.setDebug(true);
  assert.equal(String(loop), "<EventLoop running=false closed=false debug=true>");
  loop.close();
  assert.equal(String(loop), "<EventLoop running=false closed=true debug=true>");
});

runs("LOOP-31: createTask() uses the task factory; null goes back", async (loop) => {
  class Job<T> extends Task<T> {}
  assert.equal(loop.getTaskFactory(), null);
  const factory = <T>(loop: EventLoop, coro: Coroutine<T>) => new Job(coro, { loop });
  loop.setTaskFactory(factory);
  assert.equal(loop.getTaskFactory(), factory);
  const job = loop.createTask(() => 1);
  const other = createTask(() => 2);
  assert.ok(job instanceof Job);
  assert.ok(other instanceof Job);
  assert.deepEqual([await job, await other], [1, 2]);
  loop.setTaskFactory(null);
  assert.equal(loop.getTaskFactory(), null);
  const plain = loop.createTask(() => 3);
  assert.equal(plain.constructor, Task);
  await plain;
});

runs("LOOP-31: a factory that is no function is a TypeError and changes nothing", (loop) => {
  const factory = <T>(loop: EventLoop, coro: Coroutine<T>) => new Task(coro, { loop });
  loop.setTaskFactory(factory);
  for (const wrong of [1, "x", {}, undefined]) {
    assert.throws(() => loop.setTaskFactory(wrong as unknown as null), TypeError);
  }
  assert.equal(loop.getTaskFactory(), factory);
});

runs(
  "LOOP-32: createTask() names the task, under a factory that ignores names too",
  async (loop) => {
    const task = loop.createTask(() => {}, { name: "by default" });
    assert.equal(task.getName(), "by default");
    loop.setTaskFactory((loop, coro) => new Task(coro, { loop }));
    const made = loop.createTask(() => {}, { name: "by factory" });
    assert.equal(made.getName(), "by factory");
    await made;
  },
);

runs("LOOP-32: the factory is given the options", async (loop) => {
  const seen: unknown[] = [];
  loop.setTaskFactory((loop, coro, options) => {
    seen.push(options);
    return new Task(coro, { ...options, loop });
  });
  await loop.createTask(() => {}, { name: "named", eagerStart: true });
  assert.deepEqual(seen, [{ name: "named", eagerStart: true }]);
});

test("LOOP-33: ensureFuture() goes through a subclass's own createTask()", async () => {
  const made: unknown[] = [];
  class Own extends EventLoop {}
  const loop = new Own();
  const createTask = loop.createTask.bind(loop);
  loop.createTask = (coro, options) => {
    made.push(coro);
    return createTask(coro, options);
  };
  const main = (): number => 1;
  assert.equal(await loop.runUntilComplete(main), 1);
  assert.deepEqual(made, [main]);
  loop.close();
});

test("LOOP-34: createTask() on a closed loop never calls the coroutine", async () => {
  const loop = new EventLoop();
  loop.close();
  let called = false;
  const coro = (): void => {
    called = true;
  };
  assert.throws(() => loop.createTask(coro), RuntimeError);
  loop.setTaskFactory((loop, coro) => new Task(coro, { loop }));
  assert.throws(() => loop.createTask(coro), RuntimeError);
  await sleep(0.001);
  assert.equal(called, false);
});

async function* numbers(log: string[], name = "numbers"): AsyncGenerator<number> {
  try {
    for (let n = 0;; n++) yield n;
  } finally {
    log.push(`${name} closed`);
  }
}

test("LOOP-45: generators handed to trackAsyncgen() are closed when the run ends", async () => {
  const log: string[] = [];
  await run(async () => {
    const loop = getRunningLoop();
    const one = loop.trackAsyncgen(numbers(log, "one"));
    const two = loop.trackAsyncgen(numbers(log, "two"));
    assert.equal((await one.next()).value, 0);
    assert.equal((await two.next()).value, 0);
  });
  assert.deepEqual(log.sort(), ["one closed", "two closed"]);
});

runs(
  "LOOP-45: trackAsyncgen() gives the same object, and forgets one that has finished",
  async (loop) => {
    const log: string[] = [];
    const generator = numbers(log);
    assert.equal(loop.trackAsyncgen(generator), generator);
    for await (const n of generator) if (n === 2) break;
    assert.deepEqual(log, ["numbers closed"]);
    await loop.shutdownAsyncgens();
    assert.deepEqual(log, ["numbers closed"]);
  },
);

runs("LOOP-45: what is no generator is refused, and not closed at the end", async (loop) => {
  assert.throws(() => loop.trackAsyncgen({} as AsyncGenerator), TypeError);
  const reports: unknown[] = [];
  loop.setExceptionHandler((_loop, context) => reports.push(context));
  await loop.shutdownAsyncgens();
  assert.deepEqual(reports, []);
});

runs("LOOP-45: shutdownAsyncgens() closes them at the same time", async (loop) => {
  async function* slow(): AsyncGenerator<number> {
    try {
      yield 1;
    } finally {
      await sleep(10);
    }
  }
  for (let i = 0; i < 5; i++) await loop.trackAsyncgen(slow()).next();
  await loop.shutdownAsyncgens();
  assert.equal(loop.time(), 10);
});

runs(
  "LOOP-45: an error in closing one is reported, the others are closed",
  async (loop, reports) => {
    const log: string[] = [];
    async function* breaks(): AsyncGenerator<number> {
      try {
        yield 1;
      } finally {
        await Promise.reject(new Trouble("while closing"));
      }
    }
    const broken = loop.trackAsyncgen(breaks());
    const sound = loop.trackAsyncgen(numbers(log));
    await broken.next();
    await sound.next();
    await loop.shutdownAsyncgens();
    const [report, ...more] = reports.splice(0);
    assert.match(report!.message, /^an error occurred during closing of asynchronous generator/);
    assert.ok(report!.exception instanceof Trouble);
    assert.equal(report!.asyncgen, broken);
    assert.deepEqual(more, []);
    assert.deepEqual(log, ["numbers closed"]);
  },
);

runsInRealTime(
  "LOOP-45: a generator handed over after the shutdown earns a ResourceWarning",
  async (loop) => {
    const warnings: string[] = [];
    const note = (warning: Error): void => void warnings.push(warning.name);
    process.on("warning", note);
    await loop.shutdownAsyncgens();
    const late = loop.trackAsyncgen(numbers([]));
    await sleep(0.005);
    process.off("warning", note);
    assert.deepEqual(warnings, ["ResourceWarning"]);
    await late.return(undefined);
  },
);

test("LOOP-01: an idle loop does not keep anything from its end", async () => {
  await run(async () => {
    createTask(() => new Future<void>());
    await ticks();
  });
  assert.ok(true, "the run ended although a task waited for ever");
});
