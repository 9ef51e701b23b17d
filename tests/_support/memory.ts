import process from "node:process";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export const MEGABYTE: number = 1 << 20;

/** What is left after a collection: how much garbage piles up before one is the runtime's own business. */
export function heldMegabytes(): number {
  // V8 frees the buffers that one collection found only when the next one begins.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / MEGABYTE;
}

/**
 * The same once the turn is over and what it closed has ended: until then an engine keeps alive what its weak references
 * were asked for.
 */
export async function settledMegabytes(): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 300));
  return heldMegabytes();
}

const collect: () => void = "Bun" in globalThis
  ? () => (globalThis as unknown as { Bun: { gc(sync: boolean): void } }).Bun.gc(true)
  : exposedCollector();

function exposedCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}

export function residentMegabytes(): number {
  return process.memoryUsage().rss / MEGABYTE;
}
