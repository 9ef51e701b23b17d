/** The thread rows on piscina. */
import { load, program, timed } from "../_kit.ts";
import { jobs, rounds, size, twoAgainstOne } from "./_work.ts";

const { Piscina } = await load("piscina");
const filename = new URL("./_piscina_work.ts", import.meta.url).href;
const pool = new Piscina({ filename, minThreads: 2, maxThreads: 2 });

await program({
  "empty job there and back": timed(jobs, async (n) => {
    for (let i = 0; i < n; i++) await pool.run(undefined, { name: "nothing" });
  }),
  "16 MiB buffer there and back": timed(rounds, async (n) => {
    let data = new Uint8Array(size);
    for (let i = 0; i < n; i++) {
      data = await pool.run(data, { name: "back", transferList: [data.buffer] });
    }
    if (data.length !== size) throw new Error("the buffer did not come back");
  }, 2),
  "two CPU-bound jobs against one": () =>
    twoAgainstOne(() => pool.run(undefined, { name: "compute" })),
}, async (body) => {
  await body();
  await pool.destroy();
});
