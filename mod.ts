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
export type {
  Address,
  AddressLike,
  NetAddress,
  Socket as AbstractSocket,
  UnixAddress,
} from "./runtime/contract/sockets.ts";
export type { DatagramOptions } from "./runtime/contract/datagram_options.ts";
export type { AddressInfo, AddressInfoOptions } from "./runtime/contract/sockets.ts";
export type {
  AcceptedOptions,
  ConnectOptions,
  SendfileOptions,
  ServeOptions,
} from "./runtime/contract/stream_options.ts";
export type { StartTlsOptions } from "./runtime/contract/tls_options.ts";
export type { TlsCertificate, TlsOptions, TlsVersion } from "./runtime/contract/tls_options.ts";
export type { ReadablePipe, WritablePipe } from "./runtime/contract/stream_options.ts";
export type { DatagramProtocol } from "./runtime/contract/transports.ts";
export type { BaseProtocol, BufferedProtocol, Protocol } from "./runtime/contract/transports.ts";
export { Server } from "./net/tcp/server.ts";
export type { Server as AbstractServer } from "./runtime/contract/servers.ts";
export {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "./net/core/addresses.ts";
export { Socket } from "./net/sockets/sockets.ts";
export { StreamReader } from "./net/streams/stream_reader.ts";
export {
  type ClientConnected,
  StreamReaderProtocol,
} from "./net/streams/stream_reader_protocol.ts";
export { StreamWriter } from "./net/streams/stream_writer.ts";
export { openConnection, openUnixConnection, startServer, startUnixServer } from "./net/streams.ts";
export type { DatagramTransport } from "./runtime/contract/transports.ts";
export type {
  BaseTransport,
  ReadTransport,
  Transport,
  WriteTransport,
} from "./runtime/contract/transports.ts";
export type { ExtraInfo } from "./runtime/contract/extra_info.ts";
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
