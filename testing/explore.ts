import { type OptionsOf, optionsOf, plainNumber } from "../runtime/base/options.ts";
import type { Coroutine } from "../runtime/base/functions.ts";
import { type Delay, toSeconds } from "../runtime/base/durations.ts";
import { requireCoroutine } from "../runtime/tasks/task.ts";
import { runTest, runTestOn } from "./run_test.ts";
import { type TestOptions, testOptions, VirtualEventLoop } from "./virtual_event_loop.ts";

/** Which schedules are tried. */
export interface ExploreOptions extends TestOptions {
  /** How many schedules to try. @default {100} */
  runs?: number;
  /** The seed of the first; each further one has the next number. @default {0} */
  seed?: number;
}

const OPTIONS: OptionsOf<ExploreOptions> = optionsOf("{ runs: 1000 }", {
  ...testOptions.kinds,
  runs: plainNumber,
}, { seeds: "write runs and seed" });

/**
 * Runs main under many schedules, each with a seed of its own, as {@linkcode runTest} does. Rejects with the first failure,
 * to whose message the line is added that replays that very schedule. `main` is called once for each schedule, and a second
 * time for the one that fails, so it makes what it works on itself.
 *
 * @throws the first failure of main, a DeadlockError or LeakError among them
 * @throws {RangeError} if `runs` is not a positive integer
 *
 * @example
 * ```ts
 * import { gather, sleep } from "@asyncio/asyncio";
 * import { explore } from "@asyncio/asyncio/testing";
 * import assert from "node:assert/strict";
 *
 * async function main() {
 *   const order: string[] = [];
 *   const write = async (name: string) => {
 *     await sleep(1);
 *     order.push(name);
 *   };
 *   await gather([() => write("a"), () => write("b")]);
 *   assert.equal(order.join(""), "ab", "nothing says that a comes first");
 * }
 *
 * await assert.rejects(explore(main), /runTest\(main, \{ seed: \d+ \}\)/);
 * ```
 */
export async function explore<T>(main: Coroutine<T>, options: ExploreOptions = {}): Promise<void> {
  requireCoroutine(main, "explore");
  OPTIONS.check(options, "explore()");
  const { runs = 100, seed: first = 0, ...rest } = options;
  if (!Number.isInteger(runs) || runs < 1) {
    throw new RangeError(
      `Cannot call explore(): runs must be a whole number above 0, received ${runs}`,
    );
  }
  for (let run = 0; run < runs; run++) {
    const replay: TestOptions = { seed: first + run, ...rest };
    try {
      await runTestOn(main, () => {
        const loop = new VirtualEventLoop(replay);
        loop.recordNoSites();
        return loop;
      });
    } catch (failure) {
      const error = await failAgain(main, replay, failure);
      throw withReplay(error, `Schedule ${run + 1} of ${runs}`, main, replay);
    }
  }
}

/** The same schedule once more, now with the places where tasks and resources were made. */
async function failAgain(
  main: Coroutine<unknown>,
  replay: TestOptions,
  failure: unknown,
): Promise<unknown> {
  try {
    await runTest(main, replay);
  } catch (error) {
    return error;
  }
  // It depends on more than the schedule; the first failure is all there is to show.
  return failure;
}

/** The failure itself, so that its class can be caught, with a longer message. */
function withReplay(
  failure: unknown,
  which: string,
  main: Coroutine<unknown>,
  replay: TestOptions,
): unknown {
  const line = `await runTest(${main.name || "main"}, ${describeOptions(replay)})`;
  const note = `${which} fails. Replay it with: ${line}`;
  if (!(failure instanceof Error) || !Object.isExtensible(failure)) {
    return new Error(`${String(failure)}\n${note}`, { cause: failure });
  }
  const { message, stack } = failure;
  const longer = `${message}\n${note}`;
  define(failure, "message", longer);
  if (failure.message !== longer) return new Error(`${failure}\n${note}`, { cause: failure });
  // Engines that print the stack print the message it was made with.
  if (typeof stack === "string") {
    const at = message === "" ? -1 : stack.indexOf(message);
    const end = at + message.length;
    define(
      failure,
      "stack",
      at < 0 ? `${note}\n${stack}` : `${stack.slice(0, end)}\n${note}${stack.slice(end)}`,
    );
  }
  return failure;
}

function define(error: Error, key: "message" | "stack", value: string): void {
  Reflect.defineProperty(error, key, {
    value,
    configurable: true,
    enumerable: false,
    writable: true,
  });
}

function describeOptions(options: TestOptions): string {
  const parts = Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${key === "timeout" ? toSeconds(value as Delay) : value}`);
  return `{ ${parts.join(", ")} }`;
}
