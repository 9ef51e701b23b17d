import type { Awaitable, Coroutine } from "./runtime/base/functions.ts";
import type { BytesLike } from "./runtime/base/bytes.ts";
import type { Delay } from "./runtime/base/durations.ts";
import type { Signal } from "./runtime/base/signal_names.ts";
import type { DatagramOptions } from "./runtime/contract/datagram_options.ts";
import type { AddressInfo, AddressInfoOptions } from "./runtime/contract/sockets.ts";
import type {
  AcceptedOptions,
  ConnectOptions,
  SendfileOptions,
  ServeOptions,
} from "./runtime/contract/stream_options.ts";
import type { StartTlsOptions } from "./runtime/contract/tls_options.ts";
import type { TlsOptions } from "./runtime/contract/tls_options.ts";
import type { Server } from "./runtime/contract/servers.ts";
import type { Address, AddressLike, Socket } from "./runtime/contract/sockets.ts";
import type {
  SubprocessOptions,
  SubprocessProtocol,
  SubprocessTransport,
} from "./runtime/contract/subprocesses.ts";
import type { DatagramTransport } from "./runtime/contract/transports.ts";
import type { DatagramProtocol } from "./runtime/contract/transports.ts";
import type { ReadablePipe, WritablePipe } from "./runtime/contract/stream_options.ts";
import type {
  BaseProtocol,
  BaseTransport,
  BufferedProtocol,
  Protocol,
  ReadTransport,
  Transport,
  WriteTransport,
} from "./runtime/contract/transports.ts";
import type { core, LoopCore } from "./runtime/core/loop_core.ts";
import type { Future } from "./runtime/tasks/future.ts";
import type { Handle, TimerHandle } from "./runtime/tasks/handles.ts";
import type { Task } from "./runtime/tasks/task.ts";
import type { TaskOptions } from "./runtime/tasks/task_options.ts";

/** Runs calls elsewhere. What `loop.runInExecutor` and `loop.setDefaultExecutor` take; write your own if you like. */
export interface Executor {
  /** Starts `fn(...args)` or queues it. If what it returns has a `cancel` method, cancelling the caller calls that. */
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): PromiseLike<Awaited<R>>;
  /** Takes no more calls; resolves at once, or, with `wait` (the default), when all that was submitted has ended. */
  shutdown(options?: ShutdownOptions): Promise<void>;
}

/** How an executor is shut down. */
export interface ShutdownOptions {
  /** Whether to wait until the workers have ended. @default {true} */
  wait?: boolean;
  /** Whether to cancel what has not started. @default {false} */
  cancelFutures?: boolean;
}

/** Makes the tasks of a loop. asyncio: the argument of `loop.set_task_factory()` */
export type TaskFactory = <T>(
  loop: EventLoop,
  coro: Coroutine<T>,
  options?: TaskOptions,
) => Future<T>;

/** What the exception handler gets: `message` always, the rest where it is known. */
export interface ExceptionContext {
  /** What happened. */
  message: string;
  /** The error. */
  exception?: unknown;
  /** The future it came out of. */
  future?: Future<unknown>;
  /** The task it came out of. */
  task?: Task<unknown>;
  /** The callback it came out of. */
  handle?: Handle;
  /** The protocol whose method threw, or whose transport broke. */
  protocol?: BaseProtocol;
  /** The transport that broke. */
  transport?: BaseTransport;
  /** The socket that could not accept. */
  socket?: Socket;
  /** The async generator that could not be closed. */
  asyncgen?: AsyncGenerator;
  /** Further facts; `sourceTraceback` in debug mode is where the object was made. */
  [key: string]: unknown;
}

/** What `loop.setExceptionHandler` takes. */
export type ExceptionHandler = (loop: EventLoop, context: ExceptionContext) => void;

/**
 * The event loop: the low-level API, for authors of libraries. `new EventLoop()` makes one that is not running; programs use
 * `run()`, and the functions of the high-level API find the running loop by themselves.
 *
 * asyncio: `asyncio.EventLoop`
 *
 * @example
 * ```ts
 * import { EventLoop } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const loop = new EventLoop();
 * assert.equal(await loop.runUntilComplete(() => 42), 42);
 * loop.close();
 * ```
 */
export interface EventLoop {
  /** @internal */
  readonly [core]: LoopCore;

  /**
   * Runs the loop until `aw` is done; resolves to its result.
   *
   * @throws {RuntimeError} if the loop is closed or running, inside another running loop, or when it was stopped before
   */
  runUntilComplete<T>(aw: Awaitable<T>): Promise<T>;
  /** Runs the loop until {@linkcode EventLoop.stop}. @throws {RuntimeError} if it is closed or running */
  runForever(): Promise<void>;
  /** Ends a run after the current iteration; before a run, after one iteration. */
  stop(): void;
  /** Closes the loop for good. The second time it does nothing. @throws {RuntimeError} while it runs */
  close(): void;
  /** Whether it runs. The ambient loop always does. */
  isRunning(): boolean;
  /** Whether it was closed. */
  isClosed(): boolean;
  /** Closes the async generators that were handed to {@linkcode EventLoop.trackAsyncgen} and are still open. */
  shutdownAsyncgens(): Promise<void>;
  /** Closes the generator with the loop; returns the same object. One that has finished is forgotten. */
  trackAsyncgen<G extends AsyncGenerator<unknown, unknown, unknown>>(gen: G): G;
  /** Shuts the default executor down and waits for its work, at most `timeout` (null: without limit). */
  shutdownDefaultExecutor(timeout?: Delay | null): Promise<void>;

  /** Switches debug mode. */
  setDebug(enabled: boolean): void;
  /** Whether debug mode is on. */
  getDebug(): boolean;
  /** Seconds from which on debug mode reports a callback. @default {0.1} */
  slowCallbackDuration: number;

  /**
   * Calls `callback(...args)` in the next iteration, in a copy of the caller's context; what it throws, or rejects with when
   * it is async, goes to the exception handler. For another context: `context.bind(callback)`.
   *
   * @throws {RuntimeError} if the loop is closed
   */
  callSoon<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle;
  /** The same, named as in asyncio. From a worker thread use `getParentLoop()`. */
  callSoonThreadsafe<A extends unknown[]>(callback: (...args: A) => unknown, ...args: A): Handle;
  /** Calls the callback after `delay`. @throws {RuntimeError} if the loop is closed */
  callLater<A extends unknown[]>(
    delay: Delay,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle;
  /** Calls the callback at `when`, in seconds on the clock of {@linkcode EventLoop.time}. */
  callAt<A extends unknown[]>(
    when: number,
    callback: (...args: A) => unknown,
    ...args: A
  ): TimerHandle;
  /** The loop's clock: monotonic, in seconds. */
  time(): number;

  /** Runs `fn(...args)` in an executor; null: the default one, a pool of worker threads. See `toThread` for what may run there. */
  runInExecutor<A extends unknown[], R>(
    executor: Executor | null,
    fn: (...args: A) => R,
    ...args: A
  ): Future<Awaited<R>>;
  /** Replaces the default executor. @throws {TypeError} if it is none */
  setDefaultExecutor(executor: Executor): void;

  /** A Future of this loop. */
  createFuture<T>(): Future<T>;
  /** Runs a coroutine as a task of this loop. @throws {TypeError} if it is not a function */
  createTask<T>(coro: Coroutine<T>, options?: Omit<TaskOptions, "loop">): Task<T>;
  /** Makes all further tasks with `factory`; null: as usual. */
  setTaskFactory(factory: TaskFactory | null): void;
  /** What {@linkcode EventLoop.setTaskFactory} set. */
  getTaskFactory(): TaskFactory | null;

  /**
   * The addresses of a host, by the system's resolver. Deno: `--allow-net`.
   *
   * @throws {GaiError} if there is none, or when host and port are both null
   * @throws {NotImplementedError} for AI_CANONNAME with a name
   */
  getaddrinfo(
    host: string | null,
    port: number | string | null,
    options?: AddressInfoOptions,
  ): Promise<AddressInfo[]>;
  /** The names of an address and port. Deno: `--allow-net`. */
  getnameinfo(
    address: { hostname: string; port: number },
  ): Promise<[host: string, service: string]>;

  /** Connects over TCP (or takes `options.sock`). Deno: `--allow-net`. `openConnection` is the high-level form. */
  createConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    host: string | null,
    port: number | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]>;
  /** Listens over TCP. Deno: `--allow-net`. `startServer` is the high-level form. */
  createServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    host: string | readonly string[] | null,
    port: number | null,
    options?: ServeOptions,
  ): Promise<Server>;
  /** Connects to a unix socket. Deno: `--allow-read --allow-write --allow-net`. */
  createUnixConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    path: string | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]>;
  /** Listens on a unix socket. Deno: `--allow-read --allow-write --allow-net`. */
  createUnixServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    path: string | null,
    options?: ServeOptions,
  ): Promise<Server>;
  /** Puts a transport over a connection that was accepted elsewhere. */
  connectAcceptedSocket<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    sock: Socket,
    options?: AcceptedOptions,
  ): Promise<[Transport, P]>;
  /** Sends and receives datagrams. Deno: `--allow-net`. */
  createDatagramEndpoint<P extends DatagramProtocol>(
    protocolFactory: () => P,
    options: DatagramOptions,
  ): Promise<[DatagramTransport, P]>;
  /** Sends a file, or `count` bytes of it from `offset` on; resolves to how many were sent. Deno: `--allow-read`. */
  sendfile(
    transport: WriteTransport,
    file: string | URL | Blob,
    offset?: number,
    count?: number | null,
    options?: SendfileOptions,
  ): Promise<number>;
  /**
   * Upgrades a connection to TLS: what was written before is sent first, then comes the handshake.
   * Use the transport it resolves to from then on; the protocol's `connectionMade` is not called
   * again. When the handshake fails, the connection is lost with it.
   *
   * @throws {SSLCertVerificationError} if the peer is not trusted, or its certificate is for another name
   * @throws {ConnectionAbortedError} after `sslHandshakeTimeout`
   * @throws {RangeError} on the client's side without a `serverHostname` ("": check none)
   */
  startTls(
    transport: Transport,
    protocol: Protocol | BufferedProtocol,
    ssl: TlsOptions,
    options?: StartTlsOptions,
  ): Promise<Transport>;
  /**
   * Reads from a FIFO, device, terminal, web stream or open file, `process.stdin` included. Opening
   * a FIFO waits for its other end. Deno: `--allow-read` for paths.
   *
   * @throws {RangeError} for a regular file
   */
  connectReadPipe<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    pipe: ReadablePipe,
  ): Promise<[ReadTransport, P]>;
  /**
   * Writes to a FIFO, device, terminal, web stream or open file, `process.stdout` included. Opening
   * a FIFO waits for its other end. Deno: `--allow-read --allow-write` for paths.
   *
   * @throws {RangeError} for a regular file
   */
  connectWritePipe<P extends BaseProtocol>(
    protocolFactory: () => P,
    pipe: WritablePipe,
  ): Promise<[WriteTransport, P]>;

  /** At most `nbytes` bytes, once there are any; empty at the end of the stream. */
  sockRecv(sock: Socket, nbytes: number): Promise<Uint8Array>;
  /** Like {@linkcode EventLoop.sockRecv}, into a buffer; resolves to how many. */
  sockRecvInto(sock: Socket, buffer: Uint8Array): Promise<number>;
  /** One datagram and its sender. */
  sockRecvfrom(sock: Socket, bufsize: number): Promise<[Uint8Array, Address]>;
  /**
   * Like {@linkcode EventLoop.sockRecvfrom}, into a buffer; resolves to how many bytes, and their sender.
   *
   * @param nbytes at most as many; 0: as many as the buffer has room for
   */
  sockRecvfromInto(
    sock: Socket,
    buffer: Uint8Array,
    nbytes?: number,
  ): Promise<[count: number, address: Address]>;
  /** Sends all of `data`; what others send on the socket comes before it or after it, never in between. */
  sockSendall(sock: Socket, data: BytesLike): Promise<void>;
  /** Sends one datagram. */
  sockSendto(sock: Socket, data: BytesLike, address: AddressLike): Promise<number>;
  /** Connects the socket. A bind that was called for earlier comes first; a second connect beside it is refused. */
  sockConnect(sock: Socket, address: AddressLike): Promise<void>;
  /** One connection that came in at a listening socket. */
  sockAccept(sock: Socket): Promise<[Socket, Address]>;
  /** Like {@linkcode EventLoop.sendfile}, over a socket. */
  sockSendfile(
    sock: Socket,
    file: string | URL | Blob,
    offset?: number,
    count?: number | null,
    options?: SendfileOptions,
  ): Promise<number>;
  /** Calls the callback once per iteration as long as something is there to read. */
  addReader<A extends unknown[]>(
    sock: Socket,
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** False when there was none. */
  removeReader(sock: Socket): boolean;
  /** Calls the callback once per iteration as long as something can be written. */
  addWriter<A extends unknown[]>(
    sock: Socket,
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** False when there was none. */
  removeWriter(sock: Socket): boolean;

  /** Calls the callback in the loop when the signal comes. @throws {RangeError} for an unknown name @throws {RuntimeError} for one that can't be caught */
  addSignalHandler<A extends unknown[]>(
    signal: Signal,
    callback: (...args: A) => unknown,
    ...args: A
  ): void;
  /** Restores the platform's own action; false when there was no handler. */
  removeSignalHandler(signal: Signal): boolean;

  /** Starts a program; the three streams are pipes unless the options say otherwise. Deno: `--allow-run`. */
  subprocessExec<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    program: string | URL,
    args?: readonly string[],
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]>;
  /** The same for a command of `/bin/sh`. Deno: `--allow-run`. */
  subprocessShell<P extends SubprocessProtocol>(
    protocolFactory: () => P,
    command: string,
    options?: SubprocessOptions,
  ): Promise<[SubprocessTransport, P]>;

  /** Reports an error that no other code can take. */
  callExceptionHandler(context: ExceptionContext): void;
  /** Sets the handler; null: the default one, which prints. */
  setExceptionHandler(handler: ExceptionHandler | null): void;
  /** What {@linkcode EventLoop.setExceptionHandler} set. */
  getExceptionHandler(): ExceptionHandler | null;
  /** Prints the message, the facts and the error with its stack. */
  defaultExceptionHandler(context: ExceptionContext): void;
}
