/** What tests of iteration share. */
import { sleep } from "../../mod.ts";

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const seen: T[] = [];
  for await (const item of items) seen.push(item);
  return seen;
}

export const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Items that come one after the other, so many seconds apart. */
export async function* later<T>(items: Iterable<T>, seconds = 0.1): AsyncGenerator<T> {
  for (const item of items) {
    await sleep(seconds);
    yield item;
  }
}

/** A generator of numbers that tells how far it was read, and whether it was closed. */
export function source(count: number): {
  items: Generator<number>;
  state: { read: number; closed: boolean };
} {
  const state = { read: 0, closed: false };
  function* items(): Generator<number> {
    try {
      for (let n = 0; n < count; n++) {
        state.read++;
        yield n;
      }
    } finally {
      state.closed = true;
    }
  }
  return { items: items(), state };
}
