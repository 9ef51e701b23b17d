/** What threads_progress.ts runs in its threads. */
import { currentThreadSignal, type RemoteFunction } from "../mod.ts";

/** How many primes there are in `from <= n < to`. Tells how many numbers it has looked at, and stops when nobody cares. */
export async function countPrimes(
  from: number,
  to: number,
  report: RemoteFunction<[numbers: number], void>,
): Promise<number> {
  let primes = 0;
  let reported = from;
  for (let n = from; n < to; n++) {
    let prime = n > 1;
    for (let divisor = 2; divisor * divisor <= n && prime; divisor++) prime = n % divisor !== 0;
    if (prime) primes++;
    if (n - reported >= 10_000) {
      await report(n - reported); // runs on the loop; a thread hears of a cancellation only while it waits
      currentThreadSignal()?.throwIfAborted();
      reported = n;
    }
  }
  await report(to - reported);
  return primes;
}
