/**
 * The core's micro work. Prints one JSON line per row: nanoseconds per operation.
 *
 *     deno run -A bench/core.ts [row ...]
 */
import process from "node:process";
import * as asyncio from "../mod.ts";

type Row = (n: number) => Promise<void>;

async function nothing(): Promise<void> {}

const rows: Record<string, [n: number, run: Row]> = {
  "create and await a task": [50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.createTask(nothing);
  }],
  "create 20,000, then await": [20_000, async (n) => {
    const tasks = Array.from({ length: n }, () => asyncio.createTask(nothing));
    for (const task of tasks) await task;
  }],
  "TaskGroup of 20,000": [20_000, async (n) => {
    await new asyncio.TaskGroup().with((group) => {
      for (let i = 0; i < n; i++) group.createTask(nothing);
    });
  }],
  "gather of 20,000": [20_000, async (n) => {
    await asyncio.gather(Array.from({ length: n }, () => nothing));
  }],
  "sleep(0)": [100_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.sleep(0);
  }],
  "bounded queue pipe": [50_000, async (n) => {
    const queue = new asyncio.Queue<number>(10);
    const taker = asyncio.createTask(async () => {
      for (let i = 0; i < n; i++) await queue.get();
    });
    for (let i = 0; i < n; i++) await queue.put(i);
    await taker;
  }],
  "queue ping-pong": [50_000, async (n) => {
    const [there, back] = [new asyncio.Queue<number>(), new asyncio.Queue<number>()];
    const echo = asyncio.createTask(async () => {
      for (let i = 0; i < n; i++) await back.put(await there.get());
    });
    for (let i = 0; i < n; i++) {
      await there.put(i);
      await back.get();
    }
    await echo;
  }],
  "free lock": [100_000, async (n) => {
    const lock = new asyncio.Lock();
    for (let i = 0; i < n; i++) await lock.with(nothing);
  }],
  "contended lock": [20_000, async (n) => {
    const lock = new asyncio.Lock();
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await lock.with(() => asyncio.sleep(0));
    };
    await asyncio.gather(Array.from({ length: 10 }, () => work));
  }],
  "timeout around a ready coroutine": [50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.timeout(10).with(nothing);
  }],
  "waitFor a ready coroutine": [50_000, async (n) => {
    for (let i = 0; i < n; i++) await asyncio.waitFor(nothing, 10);
  }],
  "event fan-out to 100": [20_000, async (n) => {
    for (let i = 0; i < n / 100; i++) {
      const event = new asyncio.Event();
      const waiters = Array.from({ length: 100 }, () => asyncio.createTask(() => event.wait()));
      await asyncio.sleep(0);
      event.set();
      await asyncio.gather(waiters);
    }
  }],
  "cancel 20,000 sleepers": [20_000, async (n) => {
    const tasks = Array.from({ length: n }, () => asyncio.createTask(() => asyncio.sleep(1000)));
    await asyncio.sleep(0);
    for (const task of tasks) task.cancel();
    await asyncio.gather(tasks, { returnExceptions: true });
  }],
  "20,000 timers set and cancelled": [20_000, async (n) => {
    const loop = asyncio.getRunningLoop();
    const handles = Array.from({ length: n }, (_, i) => loop.callLater(100 + i, nothing));
    for (const handle of handles) handle.cancel();
    await asyncio.sleep(0);
  }],
  "callSoon chain": [100_000, async (n) => {
    const loop = asyncio.getRunningLoop();
    const done = new asyncio.Future<void>();
    let left = n;
    const step = (): void => {
      if (--left > 0) loop.callSoon(step);
      else done.setResult();
    };
    loop.callSoon(step);
    await done;
  }],
};

async function measure(name: string): Promise<void> {
  const [n, run] = rows[name]!;
  await run(Math.min(n, 5000));
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await run(n);
    times.push((performance.now() - start) * 1e6 / n);
  }
  times.sort((a, b) => a - b);
  console.log(JSON.stringify({ row: name, ns: Math.round(times[2]!) }));
}

const wanted = process.argv.slice(2);
await asyncio.run(async () => {
  for (const name of Object.keys(rows)) {
    if (wanted.length === 0 || wanted.includes(name)) await measure(name);
  }
});
