/**
 * Python's asyncio, whole, for Deno, Bun and Node.
 *
 * What some rooms' own mod.ts files export stands here once more: each of those would be a module that every program loads.
 *
 * @module
 */
export * from "./runtime/mod.ts";
export { Barrier } from "./sync/barrier.ts";
export { CapacityLimiter } from "./sync/capacity_limiter.ts";
export { Condition } from "./sync/condition.ts";
export { Event } from "./sync/event.ts";
export { Lock } from "./sync/lock.ts";
export { RateLimiter } from "./sync/rate_limiter.ts";
export type { Releaser } from "./sync/wait_list.ts";
export { BoundedSemaphore, Semaphore } from "./sync/semaphore.ts";
export type { Statistics } from "./sync/wait_list.ts";
export { Broadcast, type BroadcastOptions, type Subscription } from "./queues/broadcast.ts";
export { PriorityQueue } from "./queues/priority_queue.ts";
export { LifoQueue, Queue } from "./queues/queue.ts";
export {
  batch,
  type BatchOptions,
  flatMap,
  map,
  type MapIterationOptions,
  merge,
  ticks,
} from "./iteration/calls.ts";
export * from "./net/mod.ts";
export { createSubprocessExec, createSubprocessShell } from "./subprocess/create_subprocess.ts";
export { DEVNULL, PIPE, STDOUT, type SubprocessOptions } from "./subprocess/core/options.ts";
export { Process, type TerminateOptions, terminateProcess } from "./subprocess/process.ts";
export type { SubprocessProtocol, SubprocessTransport } from "./runtime/contract/subprocesses.ts";
export type { Signal } from "./runtime/base/signal_names.ts";
export { EventLoop } from "./event_loop.ts";
export type {
  EventLoop as AbstractEventLoop,
  ExceptionContext,
  ExceptionHandler,
  TaskFactory,
} from "./loop_interface.ts";
