/** What is written to the console while a test runs. */

/** Calls of one method of the console. */
export type Calls = unknown[][];

/** Runs the body and gives the calls of one of the methods of the console made meanwhile, which print nothing. */
export async function printed(
  method: "error" | "warn" | "log",
  body: () => unknown,
): Promise<Calls> {
  const calls: Calls = [];
  const original = console[method];
  console[method] = (...args: unknown[]) => void calls.push(args);
  try {
    await body();
  } finally {
    console[method] = original;
  }
  return calls;
}
