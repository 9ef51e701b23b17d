/** What the workers of the thread rows do, and how much. Exported for this library and for piscina alike. */

/** Bytes of the buffer that is moved to a worker and back. */
export const size: number = 1 << 24;
export const rounds = 50;
export const jobs = 2000;

export function nothing(): void {}

/** Some tenths of a second of arithmetic. */
export function compute(): number {
  let state = 1;
  for (let i = 0; i < 150_000_000; i++) state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return state;
}

/** How many times the time of one job two jobs at once take: 1 on two free processors, 2 one after the other. */
export async function twoAgainstOne(run: () => PromiseLike<unknown>): Promise<number> {
  // Two workers, started and warm.
  await Promise.all([run(), run()]);
  const ratios: number[] = [];
  for (let i = 0; i < 3; i++) {
    const start = performance.now();
    await run();
    const one = performance.now();
    await Promise.all([run(), run()]);
    ratios.push((performance.now() - one) / (one - start));
  }
  return ratios.sort((a, b) => a - b)[1]!;
}
