/** The locks of async-mutex. */
import { load, program, timed } from "../_kit.ts";

const { Mutex } = await load("async-mutex");

async function nothing(): Promise<void> {}

/** Gives way once while holding the lock, in the cheapest way there is. */
async function giveWay(): Promise<void> {
  await null;
}

await program({
  "free lock": timed(100_000, async (n) => {
    const lock = new Mutex();
    for (let i = 0; i < n; i++) await lock.runExclusive(nothing);
  }),
  "contended lock": timed(20_000, async (n) => {
    const lock = new Mutex();
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await lock.runExclusive(giveWay);
    };
    await Promise.all(Array.from({ length: 10 }, work));
  }),
});
