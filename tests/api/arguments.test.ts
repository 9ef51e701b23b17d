// Arguments as people from Python and from JavaScript mistake them: the text shows the value and the right call.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allTasks,
  asCompleted,
  Barrier,
  Condition,
  ContextVar,
  copyContext,
  createEagerTaskFactory,
  createTask,
  ExceptionGroup,
  gather,
  getEventLoop,
  newEventLoop,
  PriorityQueue,
  ProcessPoolExecutor,
  Queue,
  run,
  runCoroutineThreadsafe,
  Runner,
  sleep,
  TaskGroup,
  threadModule,
  ThreadPoolExecutor,
  timeout,
  toThread,
  wait,
} from "../../mod.ts";
import { explore, runTest, TestLoop } from "../../testing/mod.ts";
import { messageOf, rejectsWith } from "../_support/messages.ts";

/** Calls it as a program without types would. */
function untyped(fn: unknown): (...args: unknown[]) => unknown {
  return fn as (...args: unknown[]) => unknown;
}

/** The same for a class. */
function made(type: unknown, ...args: unknown[]): () => unknown {
  return () => Reflect.construct(type as new () => object, args);
}

const work = (): Promise<void> => Promise.resolve();

const thrown: [what: string, call: () => unknown, name: string, text: string][] = [
  [
    "Queue({ maxsize })",
    made(Queue, { maxsize: 5 }),
    "TypeError",
    "Cannot make a queue: maxsize must be a number, received an object; write new Queue(10)",
  ],
  [
    "putNowait() on a full queue",
    () => {
      const queue = new Queue<number>(1);
      queue.putNowait(1);
      queue.putNowait(2);
    },
    "QueueFull",
    "Cannot put: the queue holds 1 of 1 items, await put() to wait for room",
  ],
  [
    "getNowait() on an empty queue",
    () => new Queue().getNowait(),
    "QueueEmpty",
    "Cannot get: the queue is empty, await get() to wait for an item",
  ],
  [
    "PriorityQueue with a compare that is none",
    made(PriorityQueue, 0, { compare: 5 }),
    "TypeError",
    "Cannot make a queue: compare must be a function, received a number; write { compare: (a, b) => a.rank - b.rank }",
  ],
  [
    "ThreadPoolExecutor(4)",
    made(ThreadPoolExecutor, 4),
    "TypeError",
    "Cannot make ThreadPoolExecutor: its options must be an object, received a number; write { maxWorkers: 4 }",
  ],
  [
    "ProcessPoolExecutor(4)",
    made(ProcessPoolExecutor, 4),
    "TypeError",
    "Cannot make ProcessPoolExecutor: its options must be an object, received a number; write { maxWorkers: 4 }",
  ],
  [
    "ThreadPoolExecutor({ max_workers })",
    made(ThreadPoolExecutor, { max_workers: 4 }),
    "TypeError",
    'Cannot make ThreadPoolExecutor: there is no option "max_workers", its name here is maxWorkers',
  ],
  [
    "PriorityQueue(0, compare)",
    made(PriorityQueue, 0, () => 0),
    "TypeError",
    "Cannot make PriorityQueue: its options must be an object, received a function; write { compare: (a, b) => a.rank - b.rank }",
  ],
  [
    "queue.shutdown(true)",
    () => untyped(Queue.prototype.shutdown).call(new Queue(), true),
    "TypeError",
    "Cannot call shutdown(): its options must be an object, received a boolean; write { immediate: true }",
  ],
  [
    'createTask(work, "name")',
    () => untyped(createTask)(work, "name"),
    "TypeError",
    'Cannot call createTask(): its options must be an object, received a string; write { name: "worker" }',
  ],
  [
    "createTask(work, null)",
    () => untyped(createTask)(work, null),
    "TypeError",
    'Cannot call createTask(): its options must be an object, received null; write { name: "worker" }',
  ],
  [
    'loop.createTask(work, "name")',
    () => untyped(getEventLoop().createTask).call(getEventLoop(), work, "name"),
    "TypeError",
    'Cannot call createTask(): its options must be an object, received a string; write { name: "worker" }',
  ],
  [
    "createTask() with a controller for its signal",
    () => untyped(createTask)(work, { signal: new AbortController() }),
    "TypeError",
    "Cannot call createTask(): signal must be an AbortSignal, received an instance of AbortController; pass { signal: controller.signal }",
  ],
  [
    "gather([a], b)",
    () => untyped(gather)([work], work),
    "TypeError",
    "Cannot call gather(): its options must be an object, received a function; write { returnExceptions: true }",
  ],
  [
    "gather([a], [b])",
    () => untyped(gather)([work], [work]),
    "TypeError",
    "Cannot call gather(): its options must be an object, received an array; write { returnExceptions: true }",
  ],
  [
    "gather([a], { return_exceptions })",
    () => untyped(gather)([work], { return_exceptions: true }),
    "TypeError",
    'Cannot call gather(): there is no option "return_exceptions", its name here is returnExceptions',
  ],
  [
    "asCompleted([a], 5)",
    () => untyped(asCompleted)([work], 5),
    "TypeError",
    "Cannot call asCompleted(): its options must be an object, received a number; write { timeout: 5 }",
  ],
  [
    "Runner(true)",
    made(Runner, true),
    "TypeError",
    "Cannot make Runner: its options must be an object, received a boolean; write { debug: true }",
  ],
  [
    "TestLoop(5)",
    made(TestLoop, 5),
    "TypeError",
    "Cannot make TestLoop: its options must be an object, received a number; write { seed: 5 }",
  ],
  [
    'ContextVar("name", 5)',
    made(ContextVar, "name", 5),
    "TypeError",
    'Cannot make ContextVar: its options must be an object, received a number; write { default: "nobody" }',
  ],
  [
    "runInExecutor({}, work)",
    () => untyped(getEventLoop().runInExecutor).call(getEventLoop(), {}, work),
    "TypeError",
    "Cannot submit to the executor: it must have submit() and shutdown(), received an object. Write null for the default executor",
  ],
  [
    "ExceptionGroup(message, error)",
    made(ExceptionGroup, "message", new Error("x")),
    "TypeError",
    "Cannot make ExceptionGroup: its errors must be iterable, received an instance of Error; " +
    'write new ExceptionGroup("what failed", [error])',
  ],
  [
    "ExceptionGroup(errors)",
    made(ExceptionGroup, [new Error("x")]),
    "TypeError",
    "Cannot make ExceptionGroup: its message must be a string, received an array; " +
    'write new ExceptionGroup("what failed", errors)',
  ],
  [
    "callLater(callback, delay)",
    () => untyped(getEventLoop().callLater).call(getEventLoop(), () => {}, 5),
    "TypeError",
    "Cannot use it as a delay: it must be a number of seconds or an object such as { milliseconds: 250 }, " +
    "received a function; the delay comes first, callLater(delay, callback)",
  ],
  [
    "setTaskFactory(5)",
    () => untyped(getEventLoop().setTaskFactory).call(getEventLoop(), 5),
    "TypeError",
    "Cannot call setTaskFactory(): the task factory must be a function or null, received a number",
  ],
  [
    "runInExecutor(work)",
    () => untyped(getEventLoop().runInExecutor).call(getEventLoop(), work),
    "TypeError",
    "Cannot run in an executor: fn must be a function, received undefined. " +
    "Write runInExecutor(null, work, ...args), where null is the default executor",
  ],
  [
    "runCoroutineThreadsafe(work)",
    () => untyped(runCoroutineThreadsafe)(work),
    "TypeError",
    "Cannot run on the loop: an event loop is required, received undefined. Write runCoroutineThreadsafe(work, loop, ...args)",
  ],
  [
    "context.run()",
    () => untyped(copyContext().run).call(copyContext()),
    "TypeError",
    "Cannot call context.run(): the callback must be a function, received undefined",
  ],
  [
    "context.bind()",
    () => untyped(copyContext().bind).call(copyContext()),
    "TypeError",
    "Cannot call context.bind(): the callback must be a function, received undefined",
  ],
  [
    "trackAsyncgen(numbers)",
    () => untyped(getEventLoop().trackAsyncgen).call(getEventLoop(), async function* () {}),
    "TypeError",
    "Cannot call trackAsyncgen(): an async generator is needed, received a function; call it, trackAsyncgen(numbers())",
  ],
  [
    "a context entered twice",
    () => {
      const context = copyContext();
      context.run(() => context.run(() => {}));
    },
    "RuntimeError",
    "Cannot enter context: it is already entered. Run a copy: context.copy().run(fn)",
  ],
  [
    "createTask() of a group that was not entered",
    () => new TaskGroup().createTask(work),
    "RuntimeError",
    "<TaskGroup> has not been entered: call createTask() inside its with()",
  ],
  [
    "reschedule() of a timeout that was not entered",
    () => timeout(1).reschedule(5),
    "RuntimeError",
    "Timeout has not been entered: reschedule() is for while its body runs",
  ],
];

for (const [what, call, name, text] of thrown) {
  test(`error texts: ${what}`, () => {
    assert.equal(messageOf(call, name), text);
  });
}

type Rejected = [
  what: string,
  call: () => PromiseLike<unknown>,
  name: string,
  text: string | RegExp,
];

const rejected: Rejected[] = [
  [
    "condition.waitFor(5)",
    () => {
      const condition = new Condition();
      return condition.with(() => untyped(condition.waitFor).call(condition, 5));
    },
    "TypeError",
    "Cannot wait for a condition: the predicate must be a function, received a number; write waitFor(() => items.length > 0)",
  ],
  [
    "condition.wait() without the lock",
    () => new Condition().wait(),
    "RuntimeError",
    "cannot wait on un-acquired lock: call it inside condition.with(async () => { ... })",
  ],
  [
    "a barrier that was aborted",
    async () => {
      const barrier = new Barrier(2);
      await barrier.abort();
      await barrier.wait();
    },
    "BrokenBarrierError",
    "Barrier aborted: reset() makes it usable again",
  ],
  [
    "toThread(promise)",
    async () => await untyped(toThread)(work()),
    "TypeError",
    "Cannot run in a worker: a function is expected, received an instance of Promise. " +
    "Write the function and its arguments apart, as in toThread(work, ...args)",
  ],
  [
    "a threadModule whose file is not there",
    () => {
      const module = threadModule<{ work(): void }>(new URL("./no_such_file.mjs", import.meta.url));
      return run(() => toThread(module.work));
    },
    "TypeError",
    /^Cannot load file:\/\/.*\/no_such_file\.mjs in a thread: .*(not found|cannot find).* Name a file that is there/i,
  ],
  [
    "wait() with another returnWhen",
    () =>
      run(async () => {
        await untyped(wait)([createTask(work)], { returnWhen: "first" });
      }),
    "RangeError",
    "Cannot call wait(): returnWhen must be one of FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED, received first",
  ],
  [
    "asCompleted() after its timeout",
    () =>
      run(async () => {
        for (const next of asCompleted([sleep(0), sleep(60)], { timeout: 0.02 })) await next;
      }),
    "TimeoutError",
    "asCompleted() timed out after 0.02 seconds: 1 of 2 are done",
  ],
  [
    "run(work, { signal: 5 })",
    async () => await untyped(run)(work, { signal: 5 }),
    "TypeError",
    "Cannot call run(): signal must be an AbortSignal, received a number",
  ],
  [
    "loopFactory that makes no loop",
    async () => await untyped(run)(work, { loopFactory: () => 5 }),
    "TypeError",
    "Cannot make Runner: loopFactory must be a function that returns an EventLoop, received one that returned a number; write newEventLoop",
  ],
  [
    "loopFactory that is a loop",
    async () => {
      const loop = newEventLoop();
      try {
        await untyped(run)(work, { loopFactory: 5 });
      } finally {
        loop.close();
      }
    },
    "TypeError",
    "Cannot make Runner: loopFactory must be a function that returns an EventLoop, received a number; write newEventLoop",
  ],
  [
    "run(main, true)",
    async () => await untyped(run)(work, true),
    "TypeError",
    "Cannot call run(): its options must be an object, received a boolean; write { debug: true }",
  ],
  [
    "run(main, { loop_factory })",
    async () => await untyped(run)(work, { loop_factory: newEventLoop }),
    "TypeError",
    'Cannot call run(): there is no option "loop_factory", its name here is loopFactory',
  ],
  [
    "run(main, { signal: controller })",
    async () => await untyped(run)(work, { signal: new AbortController() }),
    "TypeError",
    "Cannot call run(): signal must be an AbortSignal, received an instance of AbortController; pass { signal: controller.signal }",
  ],
  [
    "runner.run(work, context)",
    () =>
      new Runner().with((runner) =>
        untyped(runner.run).call(runner, work, copyContext()) as Promise<void>
      ),
    "TypeError",
    "The context goes in an object: runner.run(work, { context })",
  ],
  [
    "wait([task], 5)",
    () =>
      run(async () => {
        await untyped(wait)([createTask(work)], 5);
      }),
    "TypeError",
    "Cannot call wait(): its options must be an object, received a number; write { timeout: 5 }",
  ],
  [
    "wait([task], { return_when })",
    () =>
      run(async () => {
        await untyped(wait)([createTask(work)], { return_when: "FIRST_COMPLETED" });
      }),
    "TypeError",
    'Cannot call wait(): there is no option "return_when", its name here is returnWhen',
  ],
  [
    "executor.shutdown(false)",
    () =>
      untyped(ThreadPoolExecutor.prototype.shutdown).call(
        new ThreadPoolExecutor(),
        false,
      ) as Promise<void>,
    "TypeError",
    "Cannot call shutdown(): its options must be an object, received a boolean; write { wait: false }",
  ],
  [
    "runTest(main, 5)",
    async () => await untyped(runTest)(work, 5),
    "TypeError",
    "Cannot make TestLoop: its options must be an object, received a number; write { seed: 5 }",
  ],
  [
    "explore(main, 1000)",
    async () => await untyped(explore)(work, 1000),
    "TypeError",
    "Cannot call explore(): its options must be an object, received a number; write { runs: 1000 }",
  ],
  [
    "runner.run() inside a run",
    () => run(() => new Runner().run(work)),
    "RuntimeError",
    "Runner.run() cannot be called from a running event loop: await the function itself, or createTask() it",
  ],
];

for (const [what, call, name, text] of rejected) {
  test(`error texts: ${what}`, async () => {
    await rejectsWith(call(), name, text);
  });
}

test("error texts: work whose signal is refused never starts", async () => {
  let started = false;
  const start = () => {
    started = true;
  };
  await run(async () => {
    assert.throws(() => untyped(createTask)(start, { signal: 5 }), TypeError);
    await sleep(0);
  });
  assert.equal(started, false);
});

test("error texts: allTasks() of what is no loop", () => {
  assert.equal(
    messageOf(() => untyped(allTasks)(5), "TypeError"),
    "Cannot call allTasks(): its argument must be an event loop or absent, received a number",
  );
});

test("error texts: createEagerTaskFactory() without a class", () => {
  assert.equal(
    messageOf(() => untyped(createEagerTaskFactory)("Task"), "TypeError"),
    "Cannot call createEagerTaskFactory(): the class of the tasks is needed, received a string; write createEagerTaskFactory(Task)",
  );
});
