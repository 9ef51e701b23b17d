// The stack of an error shows the code that waited for it. Bun tells nobody who awaits, so there debug mode says where the
// wait was made.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Barrier,
  createSubprocessExec,
  createTask,
  Future,
  getRunningLoop,
  openConnection,
  openUnixConnection,
  Queue,
  run,
  sleep,
  StreamReader,
  TaskGroup,
  timeout,
  TimeoutError,
  toThread,
  waitFor,
  withSignal,
} from "../../../mod.ts";
import { runProgram } from "../../_support/programs.ts";

const textsAreLate = Object.getOwnPropertyDescriptor(new Error(), "stack")?.get !== undefined;
const awaitsAreSeen = !("Bun" in globalThis);

/** Stands for a function of the program. */
async function programFunction(work: () => unknown): Promise<void> {
  await work();
}

async function stackOf(work: () => unknown, debug: boolean): Promise<[stack: string, Error]> {
  return await run(async () => {
    try {
      await programFunction(work);
    } catch (error) {
      return [String((error as Error).stack), error as Error];
    }
    throw new Error("It did not fail");
  }, { debug });
}

function soon(callback: () => void): void {
  getRunningLoop().callSoon(callback);
}

const failures: Record<string, [name: string, work: () => unknown]> = {
  "timeout.with()": ["TimeoutError", () => timeout(0.001).with(() => sleep(9))],
  "timeout.with() of a body in a foreign await": [
    "TimeoutError",
    () => timeout(0.001).with(() => new Promise(() => {})),
  ],
  "waitFor()": ["TimeoutError", () => waitFor(() => sleep(9), 0.001)],
  "waitFor() without time": ["TimeoutError", () => waitFor(() => sleep(9), 0)],
  "queue.get()": ["QueueShutDown", async () => {
    const queue = new Queue<number>();
    soon(() => queue.shutdown());
    await queue.get();
  }],
  "barrier.wait()": ["BrokenBarrierError", async () => {
    const barrier = new Barrier(2);
    soon(() => void barrier.abort());
    await barrier.wait();
  }],
  "TaskGroup.with()": ["ExceptionGroup", () =>
    new TaskGroup().with((group) => {
      group.createTask(async () => {
        await sleep(0);
        throw new Error("in the task");
      });
    })],
  "openConnection() refused": ["ConnectionRefusedError", () => openConnection("127.0.0.1", 1)],
  "openConnection() to an unknown host": ["GaiError", () => openConnection("no.invalid", 1)],
  "openUnixConnection()": ["FileNotFoundError", () => openUnixConnection("/there/is/no/such")],
  "reader.readexactly()": ["IncompleteReadError", async () => {
    const reader = new StreamReader();
    soon(() => reader.feedEof());
    await reader.readexactly(3);
  }],
  "createSubprocessExec()": ["FileNotFoundError", () => createSubprocessExec("no-such-program")],
  "toThread()": ["RangeError", () =>
    toThread(() => {
      throw new RangeError("in the thread");
    })],
};

for (const [what, [name, work]] of Object.entries(failures)) {
  const title = `CALLER: the error of ${what} shows who waited for it`;
  const options = awaitsAreSeen ? {} : { skip: "Bun tells nobody who awaits" };
  test(title, options, async () => {
    const [stack, error] = await stackOf(work, false);
    assert.equal(error.name, name);
    assert.match(stack, /programFunction/);
    assert.ok(stack.startsWith(`${name}: ${error.message}`), stack);
  });
}

test("CALLER: in debug mode so does a CancelledError", async () => {
  const [stack, error] = await stackOf(async () => {
    const task = createTask(async () => {
      await sleep(9);
    });
    await sleep(0);
    task.cancel();
    await task;
  }, true);
  assert.equal(error.name, "CancelledError");
  assert.match(stack, /callers\.test/);
});

test("CALLER: in debug mode an error of a wait shows where that was made, on every runtime", async () => {
  const [, work] = failures["queue.get()"]!;
  const [stack] = await stackOf(work, true);
  assert.match(stack, /callers\.test/);
});

test("CALLER: an error that shows the program already stays as it is, the very same object", async () => {
  const error = new TimeoutError("made here");
  const { stack } = error;
  const [, given] = await stackOf(async () => {
    const future = new Future<void>();
    soon(() => future.setException(error));
    await future;
  }, false);
  assert.equal(given, error);
  assert.equal(given.stack, stack);
});

test("CALLER: an error that passes through several waits is completed once", async () => {
  const [stack] = await stackOf(async () => {
    const inner = createTask(() => programFunction(() => timeout(0.001).with(() => sleep(9))));
    await createTask(async () => await inner);
  }, false);
  assert.ok(stack.split("programFunction").length <= 2, stack);
});

test("CALLER: no stack is made into text before somebody reads it", {
  skip: textsAreLate ? false : "the engine makes the text with the first look at the property",
}, async () => {
  const engine = Error as { prepareStackTrace?: (error: Error, sites: unknown[]) => unknown };
  const before = engine.prepareStackTrace;
  let texts = 0;
  engine.prepareStackTrace = (error) => {
    texts++;
    return `${error}\n    at programFunction (file:///prepared.ts:1:1)`;
  };
  try {
    const failed: Error[] = [];
    for (const work of [failures["reader.readexactly()"]![1], failures["queue.get()"]![1]]) {
      await run(() => programFunction(work)).catch((error) => failed.push(error));
    }
    assert.equal(texts, 0);
    assert.equal(failed.length, 2);
    assert.match(String(failed[0]!.stack), /programFunction/);
    assert.ok(texts > 0);
  } finally {
    if (before === undefined) delete engine.prepareStackTrace;
    else engine.prepareStackTrace = before;
  }
});

test("CALLER: who is told of a timeout goes on in the same turn of the loop as before", async () => {
  await run(async () => {
    const log: string[] = [];
    const late = timeout(0.001).with(() => sleep(9)).catch(() => {
      log.push("told");
      soon(() => log.push("after"));
    });
    await late;
    await sleep(0);
    assert.deepEqual(log, ["told", "after"]);
  });
});

test("CALLER: withSignal() hands on the error of its body", async () => {
  const error = new Error("of the body");
  const [, given] = await stackOf(
    () => withSignal(new AbortController().signal, () => Promise.reject(error)),
    false,
  );
  assert.equal(given, error);
});

test("CALLER: a dropped promise that ends with its run says what it was and what to write", async () => {
  const program = new URL("./_dropped_program.ts", import.meta.url);
  const plain = await runProgram(program);
  assert.notEqual(plain.code, 0);
  assert.match(plain.stderr, /The run ended before this promise, which waits for sleep/);
  assert.match(plain.stderr, /write createTask\(\(\) => work\(\)\) instead of work\(\)/);
  const debug = await runProgram(program, { args: ["debug"] });
  assert.match(debug.stderr, /made at \S*_dropped_program/);
});

test("CALLER: a KeyboardInterrupt has the CancelledError of main as its cause", async () => {
  const program = new URL("./_interrupted_program.ts", import.meta.url);
  const { stdout } = await runProgram(program, {
    signalOn: { text: "ready", signal: "SIGINT" },
  });
  assert.deepEqual(stdout.trim().split("\n"), ["ready", "true"]);
});
