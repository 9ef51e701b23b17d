/** The thread rows on this library. */
import { run, threadModule, ThreadPoolExecutor, transfer } from "../../mod.ts";
import { program, timed } from "../_kit.ts";
import { jobs, rounds, size, twoAgainstOne } from "./_work.ts";

const work = threadModule<typeof import("./_ours_work.ts")>(
  new URL("./_ours_work.ts", import.meta.url),
);

const pool = new ThreadPoolExecutor({ maxWorkers: 2 });

await program({
  "empty job there and back": timed(jobs, async (n) => {
    for (let i = 0; i < n; i++) await pool.submit(work.nothing);
  }),
  "16 MiB buffer there and back": timed(rounds, async (n) => {
    let data = new Uint8Array(size);
    for (let i = 0; i < n; i++) data = await pool.submit(work.back, transfer(data, [data.buffer]));
    if (data.length !== size) throw new Error("the buffer did not come back");
  }, 2),
  "two CPU-bound jobs against one": () => twoAgainstOne(() => pool.submit(work.compute)),
}, (body) =>
  run(async () => {
    await body();
    await pool.shutdown();
  }));
