/** The core rows on Effect: fibers for tasks, its own queues and semaphores. */
import { load, memory, program, timed } from "../_kit.ts";

const { Deferred, Effect, Fiber, Queue, Semaphore } = await load("effect");
// deno-lint-ignore no-explicit-any
type Steps = Generator<any, void, any>;

// An empty coroutine, as everywhere: Effect.void, a finished value, would not even be run.
const nothing = Effect.gen(function* () {});

/** One program of Effect's. */
function effect(steps: (n: number) => Steps): (n: number) => Promise<void> {
  return (n) => Effect.runPromise(Effect.gen(() => steps(n)));
}

function withTimeout(n: number): Steps {
  return (function* () {
    for (let i = 0; i < n; i++) yield* Effect.timeout(nothing, 10_000);
  })();
}

await program({
  "create and await a task": timed(
    50_000,
    effect(function* (n) {
      for (let i = 0; i < n; i++) yield* Fiber.join(yield* Effect.forkChild(nothing));
    }),
  ),
  "create 20,000, then await": timed(
    20_000,
    effect(function* (n) {
      const fibers: unknown[] = [];
      for (let i = 0; i < n; i++) fibers.push(yield* Effect.forkChild(nothing));
      for (const fiber of fibers) yield* Fiber.join(fiber);
    }),
  ),
  "TaskGroup of 20,000": timed(
    20_000,
    effect(function* (n) {
      yield* Effect.scoped(Effect.gen(function* (): Steps {
        const fibers: unknown[] = [];
        for (let i = 0; i < n; i++) fibers.push(yield* Effect.forkScoped(nothing));
        yield* Fiber.joinAll(fibers);
      }));
    }),
  ),
  "gather of 20,000": timed(
    20_000,
    effect(function* (n) {
      yield* Effect.all(Array.from({ length: n }, () => nothing), { concurrency: "unbounded" });
    }),
  ),
  "sleep(0)": timed(
    100_000,
    effect(function* (n) {
      for (let i = 0; i < n; i++) yield* Effect.yieldNow;
    }),
  ),
  "bounded queue pipe": timed(
    50_000,
    effect(function* (n) {
      const queue = yield* Queue.bounded(10);
      const taker = yield* Effect.forkChild(Effect.gen(function* (): Steps {
        for (let i = 0; i < n; i++) yield* Queue.take(queue);
      }));
      for (let i = 0; i < n; i++) yield* Queue.offer(queue, i);
      yield* Fiber.join(taker);
    }),
  ),
  "queue ping-pong": timed(
    50_000,
    effect(function* (n) {
      const there = yield* Queue.unbounded();
      const back = yield* Queue.unbounded();
      const echo = yield* Effect.forkChild(Effect.gen(function* (): Steps {
        for (let i = 0; i < n; i++) yield* Queue.offer(back, yield* Queue.take(there));
      }));
      for (let i = 0; i < n; i++) {
        yield* Queue.offer(there, i);
        yield* Queue.take(back);
      }
      yield* Fiber.join(echo);
    }),
  ),
  "free lock": timed(
    100_000,
    effect(function* (n) {
      const lock = yield* Semaphore.make(1);
      for (let i = 0; i < n; i++) yield* lock.withPermit(nothing);
    }),
  ),
  "contended lock": timed(
    20_000,
    effect(function* (n) {
      const lock = yield* Semaphore.make(1);
      const work = Effect.gen(function* (): Steps {
        for (let i = 0; i < n / 10; i++) yield* lock.withPermit(Effect.yieldNow);
      });
      yield* Effect.all(Array.from({ length: 10 }, () => work), { concurrency: "unbounded" });
    }),
  ),
  "timeout around a ready coroutine": timed(50_000, effect(withTimeout)),
  "waitFor a ready coroutine": timed(50_000, effect(withTimeout)),
  "event fan-out to 100": timed(
    20_000,
    effect(function* (n) {
      for (let i = 0; i < n / 100; i++) {
        const event = yield* Deferred.make();
        const waiters: unknown[] = [];
        for (let j = 0; j < 100; j++) {
          waiters.push(yield* Effect.forkChild(Deferred.await(event)));
        }
        yield* Effect.yieldNow;
        yield* Deferred.succeed(event, undefined);
        yield* Fiber.joinAll(waiters);
      }
    }),
  ),
  "cancel 20,000 sleepers": timed(
    20_000,
    effect(function* (n) {
      const fibers: unknown[] = [];
      for (let i = 0; i < n; i++) {
        fibers.push(yield* Effect.forkChild(Effect.sleep(1_000_000)));
      }
      yield* Effect.yieldNow;
      yield* Fiber.interruptAll(fibers);
    }),
  ),
  "memory of a sleeping task": memory(50_000, async (n) => {
    const fibers = Array.from({ length: n }, () => Effect.runFork(Effect.sleep(1_000_000)));
    await new Promise((resolve) => setTimeout(resolve));
    return fibers;
  }, (fibers) => Effect.runPromise(Fiber.interruptAll(fibers))),
});
