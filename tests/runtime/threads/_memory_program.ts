/** A job that takes all memory it can get. Where the runtime survives that in a thread, in a thread; else in a child. */
import { ProcessPoolExecutor, run, ThreadPoolExecutor } from "../../../mod.ts";

const onNode = !("Deno" in globalThis) && !("Bun" in globalThis);
const devour = () => {
  // Bun has no limit of its own that could be reached in reasonable time.
  if ("Bun" in globalThis) process.abort();
  const kept: number[][] = [];
  for (;;) kept.push(new Array(100_000).fill(Math.random()));
};

await run(async () => {
  const pool = onNode
    ? new ThreadPoolExecutor({ maxWorkers: 1 })
    : new ProcessPoolExecutor({ maxWorkers: 1 });
  try {
    await pool.submit(devour);
  } catch (error) {
    console.log((error as Error).name);
  }
  console.log(await pool.submit(() => "goes on"));
  await pool.shutdown();
});
