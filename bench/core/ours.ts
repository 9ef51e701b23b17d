/** The core rows on this library, through its public API only. */
import * as asyncio from "../../mod.ts";
import { memory, program, timed } from "../_kit.ts";

async function nothing(): Promise<void> {}

/** Waits once while holding the lock, in the cheapest way there is. */
async function holding(): Promise<void> {
  await null;
}

const rows = {
  "create and await a task": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.createTask(nothing);
  }),
  "create 20,000, then await": timed(20_000, async (n) => {
    const tasks = Array.from({ length: n }, () => asyncio.createTask(nothing));
    for (const task of tasks) await task;
  }),
  "TaskGroup of 20,000": timed(20_000, async (n) => {
    await new asyncio.TaskGroup().with((group) => {
      for (let i = 0; i < n; i++) group.createTask(nothing);
    });
  }),
  "gather of 20,000": timed(20_000, async (n) => {
    await asyncio.gather(Array.from({ length: n }, () => nothing));
  }),
  "sleep(0)": timed(100_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.sleep(0);
  }),
  "bounded queue pipe": timed(50_000, async (n) => {
    const queue = new asyncio.Queue<number>(10);
    const taker = asyncio.createTask(async () => {
      for (let i = 0; i < n; i++) await queue.get();
    });
    for (let i = 0; i < n; i++) await queue.put(i);
    await taker;
  }),
  "queue ping-pong": timed(50_000, async (n) => {
    const [there, back] = [new asyncio.Queue<number>(), new asyncio.Queue<number>()];
    const echo = asyncio.createTask(async () => {
      for (let i = 0; i < n; i++) await back.put(await there.get());
    });
    for (let i = 0; i < n; i++) {
      await there.put(i);
      await back.get();
    }
    await echo;
  }),
  "free lock": timed(100_000, async (n) => {
    const lock = new asyncio.Lock();
    for (let i = 0; i < n; i++) await lock.with(nothing);
  }),
  "contended lock": timed(20_000, async (n) => {
    const lock = new asyncio.Lock();
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await lock.with(() => asyncio.sleep(0));
    };
    await asyncio.gather(Array.from({ length: 10 }, () => work));
  }),
  "lock held over a promise": timed(20_000, async (n) => {
    const lock = new asyncio.Lock();
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await lock.with(holding);
    };
    await asyncio.gather(Array.from({ length: 10 }, () => work));
  }),
  "timeout around a ready coroutine": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.timeout(10).with(nothing);
  }),
  "waitFor a ready coroutine": timed(50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.waitFor(nothing, 10);
  }),
  "event fan-out to 100": timed(20_000, async (n) => {
    for (let i = 0; i < n / 100; i++) {
      const event = new asyncio.Event();
      const waiters = Array.from({ length: 100 }, () => asyncio.createTask(() => event.wait()));
      await asyncio.sleep(0);
      event.set();
      await asyncio.gather(waiters);
    }
  }),
  "cancel 20,000 sleepers": timed(20_000, async (n) => {
    const tasks = Array.from({ length: n }, () => asyncio.createTask(() => asyncio.sleep(1000)));
    await asyncio.sleep(0);
    for (const task of tasks) task.cancel();
    await asyncio.gather(tasks, { returnExceptions: true });
  }),
  "20,000 timers set and cancelled": timed(20_000, async (n) => {
    const loop = asyncio.getRunningLoop();
    const handles = Array.from({ length: n }, (_, i) => loop.callLater(100 + i, nothing));
    for (const handle of handles) handle.cancel();
    await asyncio.sleep(0);
  }),
  "callSoon chain": timed(100_000, async (n) => {
    const loop = asyncio.getRunningLoop();
    const done = new asyncio.Future<void>();
    let left = n;
    const step = (): void => {
      if (--left > 0) loop.callSoon(step);
      else done.setResult();
    };
    loop.callSoon(step);
    await done;
  }),
  "memory of a sleeping task": memory(50_000, async (n) => {
    const tasks = Array.from({ length: n }, () => asyncio.createTask(() => asyncio.sleep(1000)));
    await asyncio.sleep(0);
    return tasks;
  }, async (tasks) => {
    for (const task of tasks) task.cancel();
    await asyncio.gather(tasks, { returnExceptions: true });
  }),
};

await program(rows, (body) => asyncio.run(body));
