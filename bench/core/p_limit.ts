/** What p-limit has of the core rows: so many jobs at once, or one at a time. */
import { load, program, timed } from "../_kit.ts";

const { default: pLimit } = await load("p-limit");

async function nothing(): Promise<void> {}

/** Waits once while holding the lock, in the cheapest way there is. */
async function holding(): Promise<void> {
  await null;
}

await program({
  "gather of 20,000": timed(20_000, async (n) => {
    const limit = pLimit(Infinity);
    await Promise.all(Array.from({ length: n }, () => limit(nothing)));
  }),
  "free lock": timed(100_000, async (n) => {
    const limit = pLimit(1);
    for (let i = 0; i < n; i++) await limit(nothing);
  }),
  "lock held over a promise": timed(20_000, async (n) => {
    const limit = pLimit(1);
    const work = async (): Promise<void> => {
      for (let i = 0; i < n / 10; i++) await limit(holding);
    };
    await Promise.all(Array.from({ length: 10 }, work));
  }),
});
