/** What p-queue has of the core rows: a queue of jobs that run one at a time, or so many at once. */
import { load, program, timed } from "../_kit.ts";

const { default: PQueue } = await load("p-queue");

async function nothing(): Promise<void> {}

/** Waits once while holding the lock, in the cheapest way there is. */
async function holding(): Promise<void> {
  await null;
}

await program({
  "gather of 20,000": timed(20_000, async (n) => {
    await new PQueue().addAll(Array.from({ length: n }, () => nothing));
  }),
  // A producer that is at most ten jobs ahead of the consumer.
  "bounded queue pipe": timed(50_000, async (n) => {
    const queue = new PQueue({ concurrency: 1 });
    for (let i = 0; i < n; i++) {
      await queue.onSizeLessThan(10);
      void queue.add(nothing); // a job that cannot fail
    }
    await queue.onIdle();
  }),
  "free lock": timed(100_000, async (n) => {
    const queue = new PQueue({ concurrency: 1 });
    for (let i = 0; i < n; i++) await queue.add(nothing);
  }),
  "lock held over a promise": timed(20_000, async (n) => {
    const queue = new PQueue({ concurrency: 1 });
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await queue.add(holding);
    };
    await Promise.all(Array.from({ length: 10 }, work));
  }),
  "waitFor a ready coroutine": timed(50_000, async (n) => {
    const queue = new PQueue({ concurrency: 1, timeout: 10_000 });
    for (let i = 0; i < n; i++) await queue.add(nothing);
  }),
});
