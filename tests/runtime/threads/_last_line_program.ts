/** The last line comes from the pool's own process, after its children have ended. */
import { ProcessPoolExecutor, run } from "../../../mod.ts";

await run(async () => {
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  await pool.submit(() => console.log("from the child"));
  await pool.shutdown();
});
console.log("from the pool's process");
