import { inOwnScope } from "../runtime/scopes/known.ts";
import type { Delay } from "../runtime/base/durations.ts";
import { duration, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { ProcessLookupError, TimeoutError } from "../runtime/errors/exceptions.ts";
import { waitFor } from "../runtime/combinators/wait_for.ts";
import { type Process, transportOf } from "./process.ts";
import type { ProcessTransport } from "./transport/process_transport.ts";

/** How to end a process. */
export interface TerminateOptions {
  /**
   * How long it may take to end by itself. Zero: it is killed at once.
   * @default {5}
   */
  grace?: Delay;
}

const OPTIONS: OptionsOf<TerminateOptions> = optionsOf("{ grace: 5 }", { grace: duration }, {
  timeout: "write grace",
});

/**
 * Ends a process for certain: SIGTERM, then, after a grace period, SIGKILL.
 *
 * - A process started with `startNewSession: true` is ended with all that it has started and that is still in its group: SIGTERM goes
 *   to the whole group, and SIGKILL to what is left of it when the process has ended or the grace period is over. Otherwise
 *   only the process itself is meant, as its group is ours.
 * - One that has ended already is no error. Its output can still be read.
 * - A cancellation during the grace period kills at once.
 *
 * This function has no counterpart in asyncio.
 *
 * @param process what to end
 * @param options `grace`: how long it may take to end by itself, default 5 seconds
 * @throws {TypeError} when there is no such option, or it is no duration
 * @returns its returncode, once it has ended; grandchildren that hold its pipes are not waited for
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { createSubprocessShell, PIPE, run, terminateProcess } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const stubborn = await createSubprocessShell(
 *     "trap '' TERM; echo ready; while :; do sleep 1; done",
 *     { stdout: PIPE, startNewSession: true },
 *   );
 *   await stubborn.stdout!.readline();
 *   assert.equal(await terminateProcess(stubborn, { grace: 0.05 }), -9);
 * });
 * ```
 */
export function terminateProcess(
  process: Process,
  options: TerminateOptions = {},
): Promise<number> {
  return inOwnScope(() => terminate(process, options));
}

async function terminate(process: Process, options: TerminateOptions): Promise<number> {
  OPTIONS.check(options, "terminateProcess()");
  const { grace = 5 } = options;
  const transport = transportOf(process);
  signal(transport, "SIGTERM");
  try {
    await waitFor(() => transport.wait(), grace);
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
  } finally {
    signal(transport, "SIGKILL");
  }
  return await transport.wait();
}

/** To the group where the process leads one, also when it has itself ended. */
function signal(transport: ProcessTransport, name: "SIGTERM" | "SIGKILL"): void {
  if (transport.leadsGroup) {
    transport.signalGroup(name);
    return;
  }
  try {
    transport.sendSignal(name);
  } catch (error) {
    if (!(error instanceof ProcessLookupError)) throw error;
  }
}
