import type { Delay } from "../runtime/durations.ts";

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
