/** Gives work to a pool of children while there is no descriptor left, then again when there are some. */
import * as fs from "node:fs";
import { BrokenExecutor, ProcessPoolExecutor, run } from "../../../mod.ts";

await run(async () => {
  // What loads lazily must have its descriptors before there are none.
  const first = new ProcessPoolExecutor({ maxWorkers: 1 });
  console.log(await first.submit(() => "before"));
  await first.shutdown();
  const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
  const hoard: number[] = [];
  for (;;) {
    try {
      hoard.push(fs.openSync("/dev/null", "r"));
    } catch {
      break;
    }
  }
  const starved = pool.submit(() => "started without descriptors");
  try {
    console.log(await starved);
  } catch (error) {
    console.log(error instanceof BrokenExecutor ? "BrokenExecutor" : String(error));
  }
  for (const fd of hoard) fs.closeSync(fd);
  console.log(await pool.submit(() => "after"));
  await pool.shutdown();
});
console.log("end");
