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
export {
  type AbstractEventLoop,
  type AcceptedOptions,
  type AddressInfo,
  type AddressInfoOptions,
  type DatagramOptions,
  EventLoop,
  type ExceptionContext,
  type ExceptionHandler,
  type SendfileOptions,
  type StartTlsOptions,
} from "./event_loop.ts";
