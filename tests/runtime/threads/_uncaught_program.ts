/** Errors that jobs leave uncaught, in every way there is; what the program prints is all that may be printed. */
import { ProcessPoolExecutor, run, ThreadPoolExecutor } from "../../../mod.ts";

const ways = [
  () => {
    throw new Error("thrown");
  },
  () => Promise.reject(new Error("rejected")),
  () =>
    new Promise(() => {
      setTimeout(() => {
        throw new Error("thrown later");
      }, 1);
    }),
  () =>
    new Promise(() => {
      void Promise.reject(new Error("unhandled"));
    }),
];

await run(async () => {
  for (const Pool of [ThreadPoolExecutor, ProcessPoolExecutor]) {
    const pool = new Pool({ maxWorkers: 1 });
    for (const way of ways) {
      try {
        await pool.submit(way);
      } catch (error) {
        const { name, message, cause } = error as Error;
        console.log(name === "BrokenExecutor" ? `${name}: ${(cause as Error).message}` : message);
      }
    }
    await pool.shutdown();
  }
});
