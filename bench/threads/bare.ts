/** The limit of the thread rows: messages to a worker of node:worker_threads and back. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { program, timed } from "../_kit.ts";
import { jobs, rounds, size, twoAgainstOne } from "./_work.ts";

const start = () => new Worker(new URL("./_echo_worker.ts", import.meta.url));

async function ask(worker: Worker, message: unknown, move: ArrayBuffer[] = []): Promise<unknown> {
  const answer = once(worker, "message");
  worker.postMessage(message, move);
  return (await answer)[0];
}

const workers = [start(), start()] as const;

await program({
  "empty job there and back": timed(jobs, async (n) => {
    for (let i = 0; i < n; i++) await ask(workers[0], null);
  }),
  "16 MiB buffer there and back": timed(rounds, async (n) => {
    // The bare buffer: Deno takes seconds to hand over a typed array of that size.
    let data = new ArrayBuffer(size);
    for (let i = 0; i < n; i++) data = await ask(workers[0], data, [data]) as ArrayBuffer;
    if (data.byteLength !== size) throw new Error("the buffer did not come back");
  }, 2),
  "two CPU-bound jobs against one": () => {
    let turn = 0;
    return twoAgainstOne(() => ask(workers[turn++ % 2]!, "compute"));
  },
}, async (body) => {
  await body();
  for (const worker of workers) await worker.terminate();
});
for (const worker of workers) worker.unref();
