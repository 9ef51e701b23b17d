import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  EventLoop,
  Future,
  getEventLoop,
  getRunningLoop,
  run,
  Runner,
  sleep,
  type Task,
} from "../../../mod.ts";
import type { ExceptionContext } from "../../../mod.ts";
import { collectUntil } from "../../_support/gc.ts";
import { runProgram } from "../../_support/programs.ts";
import { ticks, Trouble } from "../../_support/tasks.ts";

/** What console.error was given while `body` ran. */
async function printed(body: () => Promise<unknown>): Promise<unknown[][]> {
  const lines: unknown[][] = [];
  const original = console.error;
  console.error = (...args: unknown[]) => void lines.push(args);
  try {
    await body();
  } finally {
    console.error = original;
  }
  return lines;
}

/** Runs the body in a run of its own and gives what its exception handler was told until the run had ended. */
async function reportsOf(
  body: (reports: ExceptionContext[]) => Promise<unknown>,
  options: { debug?: boolean } = {},
): Promise<ExceptionContext[]> {
  const reports: ExceptionContext[] = [];
  await run(async () => {
    getRunningLoop().setExceptionHandler((_loop, context) => void reports.push(context));
    await body(reports);
  }, options);
  return reports;
}

/** A failed future that nobody keeps. */
function dropFailedFuture(error: unknown): void {
  new Future<number>().setException(error);
}

function dropFailedTask(error: unknown): void {
  createTask(() => {
    throw error;
  }, { name: "dropped" });
}

for (const drop of [dropFailedFuture, dropFailedTask]) {
  const [what, className] = drop === dropFailedTask ? ["task", "Task"] : ["future", "Future"];

  test(`FUT-33: the error of a dropped ${what} is reported when it is collected`, async () => {
    const error = new Trouble("unread");
    const reports = await reportsOf(async (reports) => {
      drop(error);
      await ticks(3);
      assert.ok(await collectUntil(() => reports.length > 0), "it was not collected");
    });
    assert.equal(reports.length, 1);
    assert.equal(reports[0]!.message, `${className} exception was never retrieved`);
    assert.equal(reports[0]!.exception, error);
    // The future is gone; its printed form is what is left of it.
    assert.match(String(reports[0]!["description"]), /exception=Trouble\("unread"\)/);
    if (drop === dropFailedTask) {
      assert.match(String(reports[0]!["description"]), /name="dropped"/);
    }
  });
}

test("FUT-33: on the ambient loop too", async () => {
  const loop = getEventLoop();
  const reports: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context));
  try {
    dropFailedTask(new Trouble("ambient"));
    await ticks(3);
    assert.ok(await collectUntil(() => reports.length > 0), "it was not collected");
  } finally {
    loop.setExceptionHandler(null);
  }
  assert.deepEqual(reports.map(({ exception }) => String(exception)), ["Trouble: ambient"]);
});

test("FUT-33: on the ambient loop an error is reported soon, whether or not it is collected", async () => {
  const loop = getEventLoop();
  const error = new Trouble("ambient");
  const kept = new Future<number>({ loop });
  try {
    const reported = new Promise<ExceptionContext>((resolve) => {
      loop.setExceptionHandler((_loop, context) => {
        if (context.exception === error) resolve(context);
      });
    });
    kept.setException(error);
    // Nothing keeps the process here but this: the look at what nobody took must not.
    const hold = setTimeout(() => {}, 60_000);
    const { message, future } = await reported;
    clearTimeout(hold);
    assert.equal(message, "Future exception was never retrieved");
    assert.equal(future, kept);
  } finally {
    loop.setExceptionHandler(null);
  }
});

test("FUT-34: on the ambient loop an error that is taken in time is not reported", async () => {
  const loop = getEventLoop();
  const reports: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context));
  try {
    const [taken, dropped] = [new Trouble("taken"), new Trouble("dropped")];
    const future = new Future<number>({ loop });
    future.setException(taken);
    await ticks(2);
    assert.equal(future.exception(), taken);
    new Future<number>({ loop }).setException(dropped);
    while (reports.length === 0) await sleep(0.01);
    assert.deepEqual(reports.map(({ exception }) => exception), [dropped]);
  } finally {
    loop.setExceptionHandler(null);
  }
});

for (const end of ["of itself", "by exit()", "by exit() in a run"]) {
  test(`FUT-33: when a process ends ${end} what nobody took is reported`, async () => {
    const program = new URL("./_unretrieved_program.ts", import.meta.url);
    const { code, stdout, stderr } = await runProgram(program, { args: [end] });
    assert.deepEqual([code, stdout], [0, "the program ends\n"]);
    assert.equal(stderr.match(/^Task exception was never retrieved$/gm)?.length, 1, stderr);
    assert.match(stderr, /order was not saved/);
  });
}

test("FUT-33: an error still unread when the run ends is reported then, once, with its future", async () => {
  const error = new Trouble("unread");
  const kept: Future<number>[] = [];
  const reports = await reportsOf(async () => {
    const future = new Future<number>();
    kept.push(future);
    future.setException(error);
    await ticks();
  });
  assert.equal(reports.length, 1);
  assert.equal(reports[0]!.future, kept[0]);
  assert.equal(reports[0]!.exception, error);
  kept.length = 0;
  await collectUntil(() => reports.length > 1, 3);
  assert.equal(reports.length, 1);
});

test("FUT-34: an error that a later run of the same Runner takes is not reported", async () => {
  const reports: ExceptionContext[] = [];
  const kept: Task<never>[] = [];
  const runner = new Runner();
  runner.getLoop().setExceptionHandler((_loop, context) => void reports.push(context));
  await runner.run(async () => {
    kept.push(createTask(() => {
      throw new Trouble("unread");
    }));
    await ticks(2);
  });
  assert.deepEqual(reports, []);
  await runner.run(() => assert.throws(() => kept[0]!.result(), Trouble));
  await runner.close();
  assert.deepEqual(reports, []);
});

test("FUT-33: in debug mode the report has the stack of the creation", async () => {
  const reports = await reportsOf(async () => {
    dropFailedFuture(new Trouble());
    await ticks(2);
  }, { debug: true });
  const stack = reports[0]!["sourceTraceback"] as string[];
  assert.match(stack.at(-1)!, /dropFailedFuture.*unretrieved\.test/);
});

test("FUT-33: without debug mode the report has no stack", async () => {
  const reports = await reportsOf(async () => {
    dropFailedFuture(new Trouble());
    await ticks(2);
  }, { debug: false });
  assert.equal("sourceTraceback" in reports[0]!, false);
});

test("FUT-33: the printed report begins with the message and carries the error", async () => {
  const error = new Trouble("unread");
  const lines = await printed(() =>
    run(async () => {
      dropFailedFuture(error);
      await ticks(2);
    })
  );
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]![0]), /^Future exception was never retrieved\n/);
  assert.ok(lines[0]!.includes(error));
});

test("LOOP-38: a failed task nobody awaited is printed with its error", async () => {
  const error = new Trouble("unread");
  const lines = await printed(() =>
    run(async () => {
      dropFailedTask(error);
      await sleep(0.001);
    })
  );
  assert.equal(lines.length, 1);
  assert.match(String(lines[0]![0]), /^Task exception was never retrieved\n/);
  assert.ok(lines[0]!.includes(error));
});

test("FUT-34: what is dropped pending, cancelled, or with a result is not reported at collection", async () => {
  const marker = { collected: 0 };
  const registry = new FinalizationRegistry(() => void marker.collected++);
  const drop = (end: (future: Future<number>) => void): void => {
    const future = new Future<number>();
    registry.register(future, null);
    end(future);
  };
  const reports = await reportsOf(async () => {
    drop(() => {});
    drop((future) => future.cancel());
    drop((future) => future.setResult(1));
    drop((future) => {
      future.setException(new Trouble());
      future.exception();
    });
    drop((future) => {
      future.setException(new Trouble());
      future.cancel();
    });
    await ticks(3);
    assert.ok(await collectUntil(() => marker.collected === 5), `${marker.collected} collected`);
  });
  assert.deepEqual(reports, []);
});

test("FUT-34: an awaited failure that is collected later is not reported", async () => {
  const reports = await reportsOf(async () => {
    const gate = new Future<void>();
    const waiting = createTask(async () => await gate);
    await ticks();
    gate.setException(new Trouble());
    await assert.rejects(async () => await waiting, Trouble);
  });
  assert.deepEqual(reports, []);
});

test("FUT-33: closing a loop reports what is unread", async () => {
  const loop = new EventLoop();
  const reports: ExceptionContext[] = [];
  loop.setExceptionHandler((_loop, context) => void reports.push(context));
  const future = loop.createFuture<number>();
  await loop.runUntilComplete(async () => {
    future.setException(new Trouble());
    await ticks(2);
  });
  loop.close();
  assert.equal(reports.length, 1);
  assert.equal(reports[0]!.future, future);
});
