import type { Delay } from "../runtime/base/durations.ts";
import { duration, flag, number, type OptionsOf, optionsOf } from "../runtime/base/options.ts";

/** How a testing loop behaves. */
export interface TestOptions {
  /** Shuffles the order in which ready callbacks run, repeatably. @default {FIFO, as in production} */
  seed?: number;
  /** Loop time at the start, in seconds. @default {0} */
  startTime?: number;
  /** Fails the test when this much virtual time has passed. @default {no limit} */
  timeout?: Delay;
  /** Also wait for sockets, subprocesses and threads before moving the clock. @default {true} */
  realIo?: boolean;
}

/** What is checked of {@linkcode TestOptions}. */
export const testOptions: OptionsOf<TestOptions> = optionsOf("{ seed: 5 }", {
  seed: number,
  startTime: number,
  timeout: duration,
  realIo: flag,
});
