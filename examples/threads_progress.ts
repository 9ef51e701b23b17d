/**
 * Counts primes on all processor cores and shows how far it is. The loop stays free meanwhile.
 *
 *     deno run -A examples/threads_progress.ts 5000000 --threads=4
 */
import { availableParallelism } from "node:os";
import * as asyncio from "../mod.ts";
import { numberOf, parse, program, Progress, UsageError } from "./_program.ts";

const work = asyncio.threadModule<typeof import("./_count_primes.ts")>(
  new URL("./_count_primes.ts", import.meta.url),
);

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { threads: String(availableParallelism()) });
  const [text = "2000000"] = rest;
  if (rest.length > 1) throw new UsageError("One number is enough.");
  const limit = Math.floor(numberOf(text, "The limit", 1, 1e9));
  const threads = Math.floor(numberOf(options.threads, "--threads", 1, 64));

  const loop = asyncio.getRunningLoop();
  const started = loop.time();
  const primes = await countOn(threads, limit);
  const took = (loop.time() - started).toFixed(2);
  console.log(`${primes} primes below ${limit}, on ${threads} threads in ${took} s`);
}

async function countOn(threads: number, limit: number): Promise<number> {
  const pool = new asyncio.ThreadPoolExecutor({ maxWorkers: threads });
  try {
    const progress = new Progress(limit);
    const loop = asyncio.getRunningLoop();
    // More parts than threads: high numbers take longer, and so no thread is idle at the end.
    const parts = Math.min(limit, threads * 8);
    const edge = (part: number): number => Math.floor(limit * part / parts);
    const counts = await asyncio.gather(
      Array.from(
        { length: parts },
        (_, part) =>
          loop.runInExecutor(
            pool,
            work.countPrimes,
            edge(part),
            edge(part + 1),
            (numbers: number) => {
              progress.advance(numbers);
              return Promise.resolve();
            },
          ),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  } finally {
    // After Ctrl-C parts may be at work: they end at their next report.
    await pool.shutdown({ cancelFutures: true });
  }
}

await program("threads_progress.ts [LIMIT] [--threads=N]", main);
