/**
 * What the programs of the benchmarks share, on Deno, Bun and Node alike. A program offers rows; asked with `--list` it
 * names them, else it measures the rows it is given and prints one JSON line for each.
 */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

/** Gives a row's figure, in the row's unit. */
export type Row = () => Promise<number>;

/** Takes the rows through `around`, if given: a program whose work has to run in something says what. */
export async function program(
  rows: Record<string, Row>,
  around: (body: () => Promise<void>) => Promise<void> = (body) => body(),
): Promise<void> {
  const wanted = process.argv.slice(2);
  if (wanted[0] === "--list") {
    console.log(JSON.stringify(Object.keys(rows)));
    return;
  }
  await around(async () => {
    for (const name of wanted) {
      const row = rows[name];
      if (row === undefined) throw new Error(`no row "${name}"`);
      console.log(JSON.stringify({ row: name, value: await row() }));
    }
  });
}

/** Samples of a timed row, and the milliseconds they may take: a slow row has fewer. */
const samples = 5;
const patience = 2000;
/** Milliseconds that a row warms up: shorter, and it is the compiler and the growth of the heap that are measured. */
const warming = 250;

/**
 * Nanoseconds for each of `n` operations: the median of up to five samples in a warm process. With `warmUp` operations
 * to warm up, of which each counts for itself, `n` is an upper limit: slow operations are measured in smaller samples.
 */
export function timed(n: number, work: (n: number) => unknown, warmUp?: number): Row {
  return async () => {
    const begin = performance.now();
    await work(warmUp ?? Math.min(n, 5000));
    while (warmUp === undefined && performance.now() - begin < warming) await work(n);
    const end = performance.now() + patience;
    const pace = (performance.now() - begin) / (warmUp ?? Infinity);
    const size = Math.max(1, Math.min(n, Math.floor(patience / samples / pace)));
    const times: number[] = [];
    for (let i = 0; i < samples && (i === 0 || performance.now() < end); i++) {
      const start = performance.now();
      await work(size);
      times.push((performance.now() - start) * 1e6 / size);
    }
    return median(times);
  };
}

/** MB/s of a transfer of `bytes` bytes: the median of three. */
export function throughput(bytes: number, work: (bytes: number) => Promise<unknown>): Row {
  return async () => {
    await work(bytes >> 3);
    const rates: number[] = [];
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      await work(bytes);
      rates.push(bytes / 1000 / (performance.now() - start));
    }
    return median(rates);
  };
}

/** Bytes of resident memory for each of `n` things that `make` makes and `end` ends. */
export function memory<T>(
  n: number,
  make: (n: number) => T | Promise<T>,
  end: (made: T) => unknown,
): Row {
  return async () => {
    await end(await make(100));
    collectGarbage();
    const before = process.memoryUsage().rss;
    const made = await make(n);
    collectGarbage();
    const after = process.memoryUsage().rss;
    await end(made);
    return (after - before) / n;
  };
}

export function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

/** A package of the rivals: those are fetched into a folder of their own, which the runner names. */
// deno-lint-ignore no-explicit-any
export async function load(name: string): Promise<any> {
  const folder = process.env["BENCH_PACKAGES"];
  if (folder === undefined) {
    throw new Error("BENCH_PACKAGES names no folder: run `deno task bench`");
  }
  return await import(new URL(`file://${folder}/${name}.mjs`).href);
}

function collectGarbage(): void {
  const bun = (globalThis as { Bun?: { gc(force: boolean): void } }).Bun;
  if (bun !== undefined) {
    bun.gc(true);
    return;
  }
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
}
