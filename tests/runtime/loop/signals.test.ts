import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ContextVar,
  createTask,
  Event,
  EventLoop,
  getEventLoop,
  getRunningLoop,
  run,
  RuntimeError,
  sleep,
} from "../../../mod.ts";
import { runsInRealTime as runs } from "../../_support/tasks.ts";
import { runProgram } from "../../_support/programs.ts";

/** Sends this process a signal. */
function raise(signal: string): void {
  process.kill(process.pid, signal);
}

const program = new URL("./_handlers_program.ts", import.meta.url);

runs("SIG-01: the handler is called with its arguments, from the loop", async (loop) => {
  const called = new Event();
  const calls: unknown[][] = [];
  loop.addSignalHandler(
    "SIGALRM",
    (...args: [number, string]) => {
      calls.push([...args, getRunningLoop() === loop]);
      called.set();
    },
    1,
    "two",
  );
  raise("SIGALRM");
  await called.wait();
  assert.deepEqual(calls, [[1, "two", true]]);
  assert.equal(loop.removeSignalHandler("SIGALRM"), true);
});

runs("SIG-01: it is called while the loop sleeps, and every time", async (loop) => {
  let calls = 0;
  const task = createTask(() => sleep(30));
  loop.addSignalHandler("SIGALRM", () => {
    if (++calls === 3) task.cancel();
    else raise("SIGALRM");
  });
  raise("SIGALRM");
  await assert.rejects(async () => await task);
  assert.equal(calls, 3);
  loop.removeSignalHandler("SIGALRM");
});

runs(
  "SIG-01: it runs in the context of its registration, and keeps its changes to itself",
  async (loop) => {
    const variable = new ContextVar<string>("variable");
    const seen: string[] = [];
    const twice = new Event();
    variable.set("registered");
    loop.addSignalHandler("SIGALRM", () => {
      seen.push(variable.get());
      variable.set("changed");
      if (seen.length === 2) twice.set();
      else raise("SIGALRM");
    });
    variable.set("later");
    raise("SIGALRM");
    await twice.wait();
    assert.deepEqual(seen, ["registered", "registered"]);
    assert.equal(variable.get(), "later");
    loop.removeSignalHandler("SIGALRM");
  },
);

runs(
  "SIG-01: what a handler throws, or rejects with, goes to the exception handler",
  async (loop, reports) => {
    for (const handler of [() => fail(), async () => await Promise.reject(new Error("mine"))]) {
      loop.addSignalHandler("SIGALRM", handler);
      raise("SIGALRM");
      while (reports.length === 0) await sleep(0.001);
      assert.match(String(reports[0]!.exception), /mine/);
      reports.length = 0;
    }
    loop.removeSignalHandler("SIGALRM");
  },
);

function fail(): never {
  throw new Error("mine");
}

test("SIG-01: each of two loops that run side by side has its own handler", async () => {
  const called: string[] = [];
  const listen = async (name: string, others: number): Promise<void> => {
    const event = new Event();
    getRunningLoop().addSignalHandler("SIGALRM", () => {
      called.push(name);
      event.set();
    });
    ready++;
    while (ready < others) await sleep(0.001);
    if (name === "b") raise("SIGALRM");
    await event.wait();
  };
  let ready = 0;
  await Promise.all([run(() => listen("a", 2)), run(() => listen("b", 2))]);
  assert.deepEqual(called.sort(), ["a", "b"]);
});

test("SIG-01: plain code has the ambient loop's handlers", async () => {
  const loop = getEventLoop();
  // A handler does not keep the process alive, so something else has to.
  const alive = setInterval(() => {}, 1000);
  await new Promise<void>((resolve) => {
    loop.addSignalHandler("SIGALRM", resolve);
    raise("SIGALRM");
  });
  clearInterval(alive);
  assert.equal(loop.removeSignalHandler("SIGALRM"), true);
});

runs("SIG-02: what can't be caught is a RuntimeError", async (loop) => {
  for (const signal of ["SIGKILL", "SIGSTOP"]) {
    assert.throws(() => loop.addSignalHandler(signal, fail), RuntimeError);
    assert.equal(loop.removeSignalHandler(signal), false);
  }
  await sleep(0);
});

runs("SIG-02: removing tells whether there was a handler", async (loop) => {
  assert.equal(loop.removeSignalHandler("SIGALRM"), false);
  loop.addSignalHandler("SIGALRM", fail);
  assert.equal(loop.removeSignalHandler("SIGALRM"), true);
  assert.equal(loop.removeSignalHandler("SIGALRM"), false);
  await sleep(0);
});

runs("SIG-03: a handler that was replaced or removed is not called any more", async (loop) => {
  const calls: string[] = [];
  const called = new Event();
  loop.addSignalHandler("SIGALRM", () => calls.push("first"));
  loop.addSignalHandler("SIGALRM", () => calls.push("second"));
  loop.addSignalHandler("SIGHUP", () => called.set());
  raise("SIGALRM");
  raise("SIGHUP");
  await called.wait();
  // Two signals of different kinds come in any order.
  while (calls.length === 0) await sleep(0.001);
  assert.deepEqual(calls, ["second"]);
  assert.equal(loop.removeSignalHandler("SIGHUP"), true);
  assert.equal(loop.removeSignalHandler("SIGALRM"), true);
});

for (
  const [what, signal, expected] of [
    ["a number", 15, TypeError],
    ["null", null, TypeError],
    ["an unknown name", "SIGFOO", RangeError],
    ["an empty name", "", RangeError],
    ["a name without SIG", "TERM", RangeError],
    ["a name in small letters", "sigterm", RangeError],
    ["a property that every object has", "constructor", RangeError],
    ["a real-time signal out of range", "SIGRTMIN+31", RangeError],
  ] as const
) {
  runs(`SIG-04: ${what} is refused by adding and removing alike`, async (loop) => {
    const wrong = signal as unknown as string;
    assert.throws(() => loop.addSignalHandler(wrong, fail), expected);
    assert.throws(() => loop.removeSignalHandler(wrong), expected);
    await sleep(0);
  });
}

runs("SIG-04: the text suggests the right name", async (loop) => {
  assert.throws(() => loop.addSignalHandler("term", fail), /did you mean "SIGTERM"\?/);
  await sleep(0);
});

for (
  const [what, handler] of [["null", null], ["a promise", Promise.resolve()], ["a string", "f"]]
) {
  runs(`SIG-05: ${what} as handler is a TypeError that names the method`, async (loop) => {
    assert.throws(
      () => loop.addSignalHandler("SIGALRM", handler as unknown as () => void),
      (error) => error instanceof TypeError && /addSignalHandler\(\)/.test(error.message),
    );
    assert.equal(loop.removeSignalHandler("SIGALRM"), false);
    await sleep(0);
  });
}

runs(
  "SIG-06: a handler that can't be installed is a RuntimeError and leaves nothing",
  async (loop) => {
    assert.throws(() => loop.addSignalHandler("SIGRTMIN+1", fail), RuntimeError);
    assert.equal(loop.removeSignalHandler("SIGRTMIN+1"), false);
    await sleep(0);
  },
);

test("SIG-06: a closed loop takes no handlers", () => {
  const loop = new EventLoop();
  loop.close();
  assert.throws(() => loop.addSignalHandler("SIGALRM", fail), RuntimeError);
  assert.equal(loop.removeSignalHandler("SIGALRM"), false);
});

test("SIG-07: removing the last handler restores the default action, others stay", async () => {
  const { stdout, signal } = await runProgram(program, { args: ["remove"] });
  assert.equal(stdout, "SIGALRM\nSIGALRM\nSIGHUP removed: true\nSIGALRM\nnow SIGHUP\n");
  assert.equal(signal, "SIGHUP");
});

test("SIG-07: a SIGINT handler takes the runner's place, and gives it back", async () => {
  const { stdout, code } = await runProgram(program, { args: ["interrupt"] });
  assert.equal(stdout, "own handler\nmain goes on\nmain cancelled\nKeyboardInterrupt\n");
  assert.equal(code, 0);
});

test("SIG-08: closing the loop removes its handlers", async () => {
  const { stdout, signal } = await runProgram(program, { args: ["close"] });
  assert.equal(stdout, "SIGHUP\nclosed\n");
  assert.equal(signal, "SIGHUP");
});

test("SIG-01: a handler does not keep the process alive", async () => {
  const { stdout, code } = await runProgram(program, { args: ["idle"] });
  assert.deepEqual([stdout, code], ["registered\n", 0]);
});
