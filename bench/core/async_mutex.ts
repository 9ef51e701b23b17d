/** The locks of async-mutex. */
import { load, program, timed } from "../_kit.ts";

const { Mutex } = await load("async-mutex");

async function nothing(): Promise<void> {}

/** Waits once while holding the lock, in the cheapest way there is. */
async function holding(): Promise<void> {
  await null;
}

await program({
  "free lock": timed(100_000, async (n) => {
    const lock = new Mutex();
    for (let i = 0; i < n; i++) await lock.runExclusive(nothing);
  }),
  "lock held over a promise": timed(20_000, async (n) => {
    const lock = new Mutex();
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await lock.runExclusive(holding);
    };
    await Promise.all(Array.from({ length: 10 }, work));
  }),
});
