import assert from "node:assert/strict";
import { test } from "node:test";
import { createTask, EventLoop, Future, getRunningLoop, Handle, run, sleep } from "../../../mod.ts";
import type { ExceptionContext } from "../../../mod.ts";
import { BaseEventLoop } from "../../../runtime/loop/base_event_loop.ts";
import { printed } from "../../_support/printed.ts";
import { runs, ticks, Trouble } from "../../_support/tasks.ts";

/** Runs the body in a run of its own whose reports go to the default handler, and gives what that prints. */
function printedByDefault(body: (loop: EventLoop) => unknown): Promise<unknown[][]> {
  return printed("error", () => run(() => body(getRunningLoop())));
}

runs(
  "LOOP-10: a callback that throws does not stop the loop, and is reported",
  async (loop, reports) => {
    const log: string[] = [];
    const error = new Trouble();
    const handle = loop.callSoon(function breaks() {
      throw error;
    });
    loop.callSoon(() => log.push("next"));
    await ticks();
    assert.deepEqual(log, ["next"]);
    const [report, ...more] = reports.splice(0);
    assert.equal(report!.message, "Exception in callback breaks()");
    assert.equal(report!.exception, error);
    assert.equal(report!.handle, handle);
    assert.ok(report!.handle instanceof Handle);
    assert.deepEqual(more, []);
  },
);

runs(
  "LOOP-10: in debug mode the report tells the stack of the handle's making",
  async (loop, reports) => {
    loop.setDebug(true);
    loop.callSoon((name: string) => {
      throw new Trouble(name);
    }, "argument");
    await ticks();
    const [report] = reports.splice(0);
    assert.match(report!.message, /^Exception in callback anonymous\("argument"\)$/);
    assert.match((report!["sourceTraceback"] as string[]).at(-1)!, /handlers\.test/);
  },
);

runs("LOOP-10: a timed callback that throws is reported just so", async (loop, reports) => {
  const handle = loop.callLater(1, () => {
    throw new Trouble();
  });
  await sleep(2);
  assert.equal(reports.splice(0)[0]!.handle, handle);
});

runs(
  "LOOP-35: an exception handler is called with loop and context instead of logging",
  async (loop) => {
    const calls: unknown[][] = [];
    const handler = (...args: unknown[]): void => void calls.push(args);
    loop.setExceptionHandler(handler);
    assert.equal(loop.getExceptionHandler(), handler);
    const context = { message: "something broke", exception: new Trouble(), more: 1 };
    const lines = await printed("error", () => loop.callExceptionHandler(context));
    assert.deepEqual(calls, [[loop, context]]);
    assert.deepEqual(lines, []);
  },
);

runs("LOOP-35: null goes back to the default handler", async (loop) => {
  loop.setExceptionHandler(() => assert.fail("it was taken back"));
  loop.setExceptionHandler(null);
  assert.equal(loop.getExceptionHandler(), null);
  const lines = await printed("error", () => loop.callExceptionHandler({ message: "by default" }));
  assert.deepEqual(lines, [["by default"]]);
});

runs("LOOP-35: what is neither function nor null is a TypeError and changes nothing", (loop) => {
  const handler = (): void => {};
  loop.setExceptionHandler(handler);
  for (const wrong of ["spam", 1, {}, undefined]) {
    assert.throws(() => loop.setExceptionHandler(wrong as unknown as null), {
      name: "TypeError",
      message: /the handler must be a function or null/,
    });
  }
  assert.equal(loop.getExceptionHandler(), handler);
});

test("LOOP-35: the default handler prints message, facts in order, then the error", async () => {
  const error = new Trouble("why");
  const lines = await printedByDefault((loop) =>
    loop.callExceptionHandler({
      message: "what happened",
      exception: error,
      zebra: "z",
      apple: [1, 2],
      future: new Future<void>(),
    })
  );
  assert.equal(lines.length, 1);
  const [text, ...rest] = lines[0]!;
  assert.equal(
    text,
    "what happened\napple: [1, 2]\nfuture: <Future pending>\nzebra: z",
  );
  assert.ok(rest.includes(error));
});

test("LOOP-35: a context without a message gets one", async () => {
  const lines = await printedByDefault((loop) => loop.callExceptionHandler({ message: "" }));
  assert.deepEqual(lines, [["Unhandled exception in event loop"]]);
});

test("LOOP-35: stacks are printed newest last", async () => {
  const lines = await printedByDefault((loop) =>
    loop.callExceptionHandler({ message: "m", sourceTraceback: ["at outer", "at inner"] })
  );
  assert.equal(
    lines[0]![0],
    "m\nObject created at (most recent call last):\n  at outer\n  at inner",
  );
});

runs(
  "LOOP-36: a handler that throws is reported by the default handler, with the original context",
  async (loop) => {
    const broken = new Trouble("handler");
    loop.setExceptionHandler(() => {
      throw broken;
    });
    const seen: ExceptionContext[] = [];
    loop.defaultExceptionHandler = (context) => void seen.push(context);
    const original = { message: "original", exception: new Trouble("first") };
    loop.callExceptionHandler(original);
    assert.equal(seen.length, 1);
    assert.equal(seen[0]!.message, "Unhandled error in exception handler");
    assert.equal(seen[0]!.exception, broken);
    assert.deepEqual(seen[0]!["context"], original);
  },
);

test("LOOP-36: its print shows both errors", async () => {
  const broken = new Trouble("handler");
  const lines = await printedByDefault((loop) => {
    loop.setExceptionHandler(() => {
      throw broken;
    });
    loop.callExceptionHandler({ message: "original", exception: new Trouble("first") });
  });
  const [text, ...rest] = lines[0]!;
  assert.equal(
    text,
    'Unhandled error in exception handler\ncontext: { message: "original", exception: Trouble("first") }',
  );
  assert.ok(rest.includes(broken));
});

test("LOOP-36: an async handler that rejects is reported just so", async () => {
  const broken = new Trouble("handler");
  const lines = await printedByDefault(async (loop) => {
    loop.setExceptionHandler(async () => {
      await sleep(0);
      throw broken;
    });
    loop.callExceptionHandler({ message: "original" });
    await ticks(3);
  });
  assert.match(String(lines[0]![0]), /^Unhandled error in exception handler\n/);
  assert.ok(lines[0]!.includes(broken));
});

class BrokenLoop extends BaseEventLoop {
  readonly failure = new Trouble("default handler");

  override defaultExceptionHandler(): void {
    throw this.failure;
  }
}

test("LOOP-37: an overridden default handler that throws is only logged", async () => {
  const loop = new BrokenLoop();
  const lines = await printed("error", () => loop.callExceptionHandler({ message: "m" }));
  loop.close();
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]![0]), /^Exception in default exception handler\n/);
  assert.ok(lines[0]!.includes(loop.failure));
});

test("LOOP-37: after a broken custom handler both errors are logged", async () => {
  const loop = new BrokenLoop();
  const custom = new Trouble("custom handler");
  loop.setExceptionHandler(() => {
    throw custom;
  });
  const lines = await printed("error", () => loop.callExceptionHandler({ message: "m" }));
  loop.close();
  assert.equal(lines.length, 1);
  assert.match(
    String(lines[0]![0]),
    /^Exception in default exception handler while handling an unexpected error in custom/,
  );
  assert.ok(lines[0]!.includes(custom));
  assert.ok(lines[0]!.includes(loop.failure));
});

test("LOOP-37: the loop goes on under broken handlers", async () => {
  const loop = new BrokenLoop().publicLoop;
  let result = 0;
  await printed("error", async () => {
    loop.callSoon(() => {
      throw new Trouble();
    });
    result = await loop.runUntilComplete(() => sleep(0.001, 1));
  });
  loop.close();
  assert.equal(result, 1);
});

runs(
  "LOOP-35: in debug mode a report about a task tells where it was made",
  async (loop, reports) => {
    loop.setDebug(true);
    const task = createTask(() => {}, { name: "known" });
    await task;
    loop.callExceptionHandler({ message: "about a task", task });
    const [report] = reports.splice(0);
    assert.match((report!["sourceTraceback"] as string[]).at(-1)!, /handlers\.test/);
  },
);
