/** The only child of a pool is killed while it is idle, and the pool gets work: at once, or when the news may be there. */
import { BrokenExecutor, ProcessPoolExecutor, run } from "../../../mod.ts";

const milliseconds = Number(process.argv[2]);
await run(async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  const pid = await pool.submit(() => process.pid);
  process.kill(pid, "SIGKILL");
  // The kernel gets its time, the loop none.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  try {
    console.log(await pool.submit((n: number) => n * 2, 21));
  } catch (error) {
    console.log(error instanceof BrokenExecutor ? "BrokenExecutor" : String(error));
  }
  console.log(await pool.submit((n: number) => n * 2, 21));
  await pool.shutdown();
});
console.log("end");
