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
import { messageOf, rejectsWith } from "./_kit.ts";

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
    "Cannot use an object as maxsize: pass a number, as in new Queue(10)",
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
    "Cannot compare with a number: pass a function, { compare: (a, b) => a.rank - b.rank }",
  ],
  [
    "ThreadPoolExecutor(4)",
    made(ThreadPoolExecutor, 4),
    "TypeError",
    "The options of ThreadPoolExecutor are an object, as in { maxWorkers: 4 }: got a number",
  ],
  [
    "ProcessPoolExecutor(4)",
    made(ProcessPoolExecutor, 4),
    "TypeError",
    "The options of ProcessPoolExecutor are an object, as in { maxWorkers: 4 }: got a number",
  ],
  [
    "ThreadPoolExecutor({ max_workers })",
    made(ThreadPoolExecutor, { max_workers: 4 }),
    "TypeError",
    'ThreadPoolExecutor has no option "max_workers": its name here is maxWorkers',
  ],
  [
    "PriorityQueue(0, compare)",
    made(PriorityQueue, 0, () => 0),
    "TypeError",
    "The options of PriorityQueue are an object, as in { compare: (a, b) => a.rank - b.rank }: got a function",
  ],
  [
    "queue.shutdown(true)",
    () => untyped(Queue.prototype.shutdown).call(new Queue(), true),
    "TypeError",
    "The options of shutdown() are an object, as in { immediate: true }: got a boolean",
  ],
  [
    'createTask(work, "name")',
    () => untyped(createTask)(work, "name"),
    "TypeError",
    'The options of createTask() are an object, as in { name: "worker" }: got a string',
  ],
  [
    "createTask(work, null)",
    () => untyped(createTask)(work, null),
    "TypeError",
    'The options of createTask() are an object, as in { name: "worker" }: got null',
  ],
  [
    'loop.createTask(work, "name")',
    () => untyped(getEventLoop().createTask).call(getEventLoop(), work, "name"),
    "TypeError",
    'The options of createTask() are an object, as in { name: "worker" }: got a string',
  ],
  [
    "createTask() with a controller for its signal",
    () => untyped(createTask)(work, { signal: new AbortController() }),
    "TypeError",
    "signal must be an AbortSignal: got an instance of AbortController, pass { signal: controller.signal }",
  ],
  [
    "gather([a], b)",
    () => untyped(gather)([work], work),
    "TypeError",
    "The options of gather() are an object, as in { returnExceptions: true }: got a function",
  ],
  [
    "gather([a], [b])",
    () => untyped(gather)([work], [work]),
    "TypeError",
    "The options of gather() are an object, as in { returnExceptions: true }: got an array",
  ],
  [
    "gather([a], { return_exceptions })",
    () => untyped(gather)([work], { return_exceptions: true }),
    "TypeError",
    'gather() has no option "return_exceptions": its name here is returnExceptions',
  ],
  [
    "asCompleted([a], 5)",
    () => untyped(asCompleted)([work], 5),
    "TypeError",
    "The options of asCompleted() are an object, as in { timeout: 5 }: got a number",
  ],
  [
    "Runner(true)",
    made(Runner, true),
    "TypeError",
    "The options of Runner are an object, as in { debug: true }: got a boolean",
  ],
  [
    "TestLoop(5)",
    made(TestLoop, 5),
    "TypeError",
    "The options of a test are an object, as in { seed: 5 }: got a number",
  ],
  [
    'ContextVar("name", 5)',
    made(ContextVar, "name", 5),
    "TypeError",
    'The options of ContextVar are an object, as in { default: "nobody" }: got a number',
  ],
  [
    "runInExecutor({}, work)",
    () => untyped(getEventLoop().runInExecutor).call(getEventLoop(), {}, work),
    "TypeError",
    "An executor has submit() and shutdown(): got an object; null is the default executor",
  ],
  [
    "ExceptionGroup(message, error)",
    made(ExceptionGroup, "message", new Error("x")),
    "TypeError",
    "The errors of an ExceptionGroup are a list: current value is an instance of Error, " +
    'write new ExceptionGroup("what failed", [error])',
  ],
  [
    "ExceptionGroup(errors)",
    made(ExceptionGroup, [new Error("x")]),
    "TypeError",
    "The message of an ExceptionGroup is a string: current value is an array, " +
    'write new ExceptionGroup("what failed", errors)',
  ],
  [
    "callLater(callback, delay)",
    () => untyped(getEventLoop().callLater).call(getEventLoop(), () => {}, 5),
    "TypeError",
    "A delay is a number of seconds or an object such as { milliseconds: 250 }: " +
    "current value is a function, and the delay comes first: callLater(delay, callback)",
  ],
  [
    "setTaskFactory(5)",
    () => untyped(getEventLoop().setTaskFactory).call(getEventLoop(), 5),
    "TypeError",
    "task factory must be a callable or null: got a number",
  ],
  [
    "runInExecutor(work)",
    () => untyped(getEventLoop().runInExecutor).call(getEventLoop(), work),
    "TypeError",
    "a callable object was expected by runInExecutor(), got undefined: " +
    "write runInExecutor(null, work, ...args), null being the default executor",
  ],
  [
    "runCoroutineThreadsafe(work)",
    () => untyped(runCoroutineThreadsafe)(work),
    "TypeError",
    "An event loop is required: got undefined; write runCoroutineThreadsafe(work, loop, ...args)",
  ],
  [
    "context.run()",
    () => untyped(copyContext().run).call(copyContext()),
    "TypeError",
    "context.run() takes a function: got undefined",
  ],
  [
    "context.bind()",
    () => untyped(copyContext().bind).call(copyContext()),
    "TypeError",
    "context.bind() takes a function: got undefined",
  ],
  [
    "trackAsyncgen(numbers)",
    () => untyped(getEventLoop().trackAsyncgen).call(getEventLoop(), async function* () {}),
    "TypeError",
    "trackAsyncgen() takes an async generator, got a function: call it, trackAsyncgen(numbers())",
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
    "Cannot wait for a number: pass a function, waitFor(() => items.length > 0)",
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
    "A function was expected to run in a worker: got an instance of Promise. " +
    "Pass it and its arguments apart, as in toThread(work, ...args)",
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
    "Invalid returnWhen value: first. It is one of FIRST_COMPLETED, FIRST_EXCEPTION, ALL_COMPLETED",
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
    "signal must be an AbortSignal: got a number",
  ],
  [
    "loopFactory that makes no loop",
    async () => await untyped(run)(work, { loopFactory: () => 5 }),
    "TypeError",
    "loopFactory must be a function that returns an EventLoop, such as newEventLoop: it returned a number",
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
    "loopFactory must be a function that returns an EventLoop, such as newEventLoop: got a number",
  ],
  [
    "run(main, true)",
    async () => await untyped(run)(work, true),
    "TypeError",
    "The options of run() are an object, as in { debug: true }: got a boolean",
  ],
  [
    "run(main, { loop_factory })",
    async () => await untyped(run)(work, { loop_factory: newEventLoop }),
    "TypeError",
    'run() has no option "loop_factory": its name here is loopFactory',
  ],
  [
    "run(main, { signal: controller })",
    async () => await untyped(run)(work, { signal: new AbortController() }),
    "TypeError",
    "signal must be an AbortSignal: got an instance of AbortController, pass { signal: controller.signal }",
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
    "The options of wait() are an object, as in { timeout: 5 }: got a number",
  ],
  [
    "wait([task], { return_when })",
    () =>
      run(async () => {
        await untyped(wait)([createTask(work)], { return_when: "FIRST_COMPLETED" });
      }),
    "TypeError",
    'wait() has no option "return_when": its name here is returnWhen',
  ],
  [
    "executor.shutdown(false)",
    () =>
      untyped(ThreadPoolExecutor.prototype.shutdown).call(
        new ThreadPoolExecutor(),
        false,
      ) as Promise<void>,
    "TypeError",
    "The options of shutdown() are an object, as in { wait: false }: got a boolean",
  ],
  [
    "runTest(main, 5)",
    async () => await untyped(runTest)(work, 5),
    "TypeError",
    "The options of a test are an object, as in { seed: 5 }: got a number",
  ],
  [
    "explore(main, 1000)",
    async () => await untyped(explore)(work, 1000),
    "TypeError",
    "The options of explore() are an object, as in { runs: 1000 }: got a number",
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
    "allTasks() takes an event loop, or nothing: got a number",
  );
});

test("error texts: createEagerTaskFactory() without a class", () => {
  assert.equal(
    messageOf(() => untyped(createEagerTaskFactory)("Task"), "TypeError"),
    "createEagerTaskFactory() takes the class of the tasks, createEagerTaskFactory(Task): got a string",
  );
});
