/**
 * Python's asyncio, whole, for Deno, Bun and Node.
 *
 * @module
 */
export * from "./runtime/mod.ts";
export * from "./sync/mod.ts";
export * from "./queues/mod.ts";
export * from "./net/mod.ts";
export * from "./subprocess/mod.ts";
export { EventLoop } from "./event_loop.ts";
export type {
  EventLoop as AbstractEventLoop,
  ExceptionContext,
  ExceptionHandler,
  TaskFactory,
} from "./loop_interface.ts";
