/** Ends by itself though pools with idle workers are there, and not before the last work is done. */
import { ProcessPoolExecutor, ThreadPoolExecutor, toThread } from "../../../mod.ts";

const threads = new ThreadPoolExecutor({ maxWorkers: 2 });
const processes = new ProcessPoolExecutor({ maxWorkers: 1 });
await toThread(() => 1);
await threads.submit(() => 2);
await processes.submit(() => 3);
console.log("idle");
threads.submit(async () => {
  await new Promise((resolve) => setTimeout(resolve, 100));
  return "last work done";
}).then((text) => console.log(text));
