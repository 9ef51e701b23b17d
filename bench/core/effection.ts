/** The core rows on Effection, as far as it has the same thing: tasks, groups, events, unbounded queues, halting. */
import { load, memory, program, timed } from "../_kit.ts";

const { all, createQueue, race, run, sleep, spawn, withResolvers } = await load("effection");
// deno-lint-ignore no-explicit-any
type Steps = Generator<any, void, any>;

function* nothing(): Steps {}

/** One run of Effection's. */
function effection(steps: (n: number) => Steps): (n: number) => Promise<void> {
  return (n) => run(() => steps(n));
}

function* withTimeout(n: number): Steps {
  for (let i = 0; i < n; i++) yield* race([nothing(), sleep(10_000)]);
}

await program({
  "create and await a task": timed(
    50_000,
    effection(function* (n) {
      for (let i = 0; i < n; i++) yield* yield* spawn(nothing);
    }),
  ),
  "create 20,000, then await": timed(
    20_000,
    effection(function* (n) {
      // deno-lint-ignore no-explicit-any
      const tasks: any[] = [];
      for (let i = 0; i < n; i++) tasks.push(yield* spawn(nothing));
      for (const task of tasks) yield* task;
    }),
  ),
  "gather of 20,000": timed(
    20_000,
    effection(function* (n) {
      yield* all(Array.from({ length: n }, nothing));
    }),
  ),
  "queue ping-pong": timed(
    50_000,
    effection(function* (n) {
      const [there, back] = [createQueue(), createQueue()];
      const echo = yield* spawn(function* (): Steps {
        for (let i = 0; i < n; i++) back.add((yield* there.next()).value);
      });
      for (let i = 0; i < n; i++) {
        there.add(i);
        yield* back.next();
      }
      yield* echo;
    }),
  ),
  "timeout around a ready coroutine": timed(2_000, effection(withTimeout)),
  "waitFor a ready coroutine": timed(2_000, effection(withTimeout)),
  "event fan-out to 100": timed(
    20_000,
    effection(function* (n) {
      for (let i = 0; i < n / 100; i++) {
        const { operation, resolve } = withResolvers();
        // deno-lint-ignore no-explicit-any
        const waiters: any[] = [];
        for (let j = 0; j < 100; j++) waiters.push(yield* spawn(() => operation));
        resolve();
        yield* all(waiters);
      }
    }),
  ),
  "cancel 20,000 sleepers": timed(
    20_000,
    effection(function* (n) {
      // deno-lint-ignore no-explicit-any
      const tasks: any[] = [];
      for (let i = 0; i < n; i++) tasks.push(yield* spawn(() => sleep(1_000_000)));
      yield* sleep(0);
      for (const task of tasks) yield* task.halt();
    }),
  ),
  "memory of a sleeping task": memory(50_000, async (n) => {
    const tasks = Array.from({ length: n }, () => run(() => sleep(1_000_000)));
    await new Promise((resolve) => setTimeout(resolve));
    return tasks;
  }, (tasks) => Promise.all(tasks.map((task) => Promise.allSettled([task.halt(), task])))),
});
