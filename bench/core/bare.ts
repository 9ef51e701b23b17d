/**
 * The limit of the core rows: what the bare runtime takes for as much of a row's work as it can do by itself. None of
 * this can be cancelled from outside, named or listed.
 */
import { setTimeout as timer } from "node:timers/promises";
import { memory, program, timed } from "../_kit.ts";

async function nothing(): Promise<void> {}

/** A promise that someone else settles. */
function handover<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => resolve = settle);
  return { promise, resolve };
}

await program({
  "create and await a task": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) await nothing();
  }),
  "create 20,000, then await": timed(20_000, async (n) => {
    const calls = Array.from({ length: n }, nothing);
    for (const call of calls) await call;
  }),
  "TaskGroup of 20,000": timed(20_000, (n) => Promise.all(Array.from({ length: n }, nothing))),
  "gather of 20,000": timed(20_000, (n) => Promise.all(Array.from({ length: n }, nothing))),
  "sleep(0)": timed(100_000, async (n) => {
    for (let i = 0; i < n; i++) await null;
  }),
  "queue ping-pong": timed(50_000, async (n) => {
    let [there, back] = [handover<number>(), handover<number>()];
    const echo = (async () => {
      for (let i = 0; i < n; i++) {
        const value = await there.promise;
        there = handover();
        back.resolve(value);
      }
    })();
    for (let i = 0; i < n; i++) {
      there.resolve(i);
      await back.promise;
      back = handover();
    }
    await echo;
  }),
  "timeout around a ready coroutine": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) {
      const timeout = setTimeout(nothing, 10_000);
      await nothing();
      clearTimeout(timeout);
    }
  }),
  "waitFor a ready coroutine": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) {
      const late = handover<void>();
      const timeout = setTimeout(late.resolve, 10_000);
      await Promise.race([nothing(), late.promise]);
      clearTimeout(timeout);
    }
  }),
  "event fan-out to 100": timed(20_000, async (n) => {
    for (let i = 0; i < n / 100; i++) {
      const event = handover<void>();
      const waiters = Array.from({ length: 100 }, async () => await event.promise);
      event.resolve();
      await Promise.all(waiters);
    }
  }),
  "cancel 20,000 sleepers": timed(20_000, async (n) => {
    const controllers = Array.from({ length: n }, () => new AbortController());
    const sleepers = controllers.map(({ signal }) => timer(1_000_000, null, { signal }));
    const settled = Promise.allSettled(sleepers);
    for (const controller of controllers) controller.abort();
    await settled;
  }),
  "20,000 timers set and cancelled": timed(20_000, (n) => {
    const timers = Array.from({ length: n }, (_, i) => setTimeout(nothing, 100_000 + i * 1000));
    for (const timer of timers) clearTimeout(timer);
  }),
  "callSoon chain": timed(100_000, async (n) => {
    const done = handover<void>();
    let left = n;
    const step = (): void => {
      if (--left > 0) queueMicrotask(step);
      else done.resolve();
    };
    queueMicrotask(step);
    await done.promise;
  }),
  "memory of a sleeping task": memory(50_000, (n) => {
    const timers: ReturnType<typeof setTimeout>[] = [];
    const sleep = () => new Promise((resolve) => timers.push(setTimeout(resolve, 1_000_000)));
    const sleepers = Array.from({ length: n }, async () => {
      await sleep();
    });
    return { timers, sleepers };
  }, ({ timers }) => timers.forEach(clearTimeout)),
});
