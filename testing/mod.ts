/**
 * Tests without waiting: programs run in virtual time, their schedules can be shuffled, replayed and searched, deadlocks
 * explain themselves, and what a test leaves open fails it. Nothing here is needed at run time.
 *
 * No global is patched: `Date`, `setTimeout` and what else is not asyncio's go on in real time.
 *
 * @module
 */
export { TestLoop, type TestOptions } from "./virtual_event_loop.ts";
export { runTest } from "./run_test.ts";
export { explore, type ExploreOptions } from "./explore.ts";
export { DeadlockError } from "./errors.ts";
export { LeakError } from "./errors.ts";
export { waitAllTasksBlocked } from "./wait_all_tasks_blocked.ts";
export { Sequencer } from "./sequencer.ts";
export { assertCheckpoints, assertNoCheckpoints, CheckpointError } from "./checkpoints.ts";
