/** A garbage collection by force, the same on every runtime. */
import process from "node:process";
import type v8 from "node:v8";
import type vm from "node:vm";

interface BunGlobal {
  readonly Bun?: { gc(force: boolean): void };
}

let collect: (() => void) | null = null;

function collector(): () => void {
  const { Bun } = globalThis as BunGlobal;
  if (Bun !== undefined) return () => Bun.gc(true);
  (process.getBuiltinModule("node:v8") as typeof v8).setFlagsFromString("--expose-gc");
  return (process.getBuiltinModule("node:vm") as typeof vm).runInNewContext("gc") as () => void;
}

/** Collects until `seen()`, at most so many rounds; each lets finalizers and the loop have their turn. */
export async function collectUntil(seen: () => boolean, rounds = 100): Promise<boolean> {
  collect ??= collector();
  for (let round = 0; round < rounds && !seen(); round++) {
    collect();
    // Finalizers run in macrotasks of the runtime, which nothing announces.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return seen();
}
