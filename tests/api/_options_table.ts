// Every function and class that takes an options object, with a wrong value for each of its options. The types see to it that
// no option is left out; options.test.ts sees to it that no function is.
import { EventLoop } from "../../event_loop.ts";
import type { AcceptedOptions } from "../../net/core/options.ts";
import * as asyncio from "../../mod.ts";
import {
  explore,
  type ExploreOptions,
  runTest,
  TestLoop,
  type TestOptions,
} from "../../testing/mod.ts";
import { run, type SendfileOptions, type ServeOptions } from "../../mod.ts";

/** Stands for the wrong value of an option that takes anything. */
export const ANYTHING: unique symbol = Symbol("anything");

export interface Row {
  /** As the documentation names it: "startServer", "StreamWriter.startTls". */
  readonly name: string;
  /** For each option a value that it does not take. */
  readonly wrong: Readonly<Record<string, unknown>>;
  /** Calls it with these options. */
  readonly call: (options: never) => unknown;
}

function row<O>(
  name: string,
  call: (options: O) => unknown,
  wrong: { readonly [K in keyof O]-?: unknown },
): Row {
  return { name, call, wrong };
}

/** A writer and its transport, in a run. */
function connected(
  use: (writer: asyncio.StreamWriter, transport: asyncio.Transport) => unknown,
): Promise<unknown> {
  return run(async () => {
    const server = await asyncio.startServer(() => {}, "127.0.0.1", 0);
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    const [, writer] = await asyncio.openConnection("127.0.0.1", port);
    try {
      return await use(writer, writer.transport as asyncio.Transport);
    } finally {
      writer.transport.abort();
      server.close();
    }
  });
}

const make = (): asyncio.Protocol => ({ dataReceived() {} });

/** The running loop's method, in a run. */
function onLoop(use: (loop: EventLoop) => unknown): Promise<unknown> {
  return run(async () => await use(asyncio.getRunningLoop()));
}

/** What the body of a group throws comes in an ExceptionGroup; here as it is. */
function inGroup(use: (group: asyncio.TaskGroup) => unknown): Promise<void> {
  return run(async () => {
    let thrown: unknown = null;
    await new asyncio.TaskGroup().with((group) => {
      try {
        use(group);
      } catch (error) {
        thrown = error;
      }
    });
    if (thrown !== null) throw thrown;
  });
}

const tls = {
  sslHandshakeTimeout: "60",
  sslShutdownTimeout: [1],
};

const connecting: { readonly [K in keyof asyncio.ConnectOptions]-?: unknown } = {
  ...tls,
  limit: "65536",
  ssl: "yes",
  serverHostname: 5,
  proto: "tcp",
  flags: "1",
  family: "4",
  localAddr: { host: "127.0.0.1" },
  sock: 5,
  happyEyeballsDelay: "0.25",
  interleave: "1",
  signal: new AbortController(),
};

const serving: { readonly [K in keyof ServeOptions]-?: unknown } = {
  ...tls,
  limit: "5",
  ssl: true,
  flags: "1",
  keepAlive: 1,
  family: 10,
  backlog: "1",
  reuseAddress: "x",
  reusePort: 1,
  sock: {},
  cleanupSocket: null,
  startServing: "false",
};

const sending: { readonly [K in keyof SendfileOptions]-?: unknown } = { fallback: "no" };

const work = (): Promise<void> => Promise.resolve();

const tasks: { readonly [K in keyof asyncio.TaskOptions]-?: unknown } = {
  name: ANYTHING,
  context: {},
  eagerStart: "no",
  loop: 5,
  signal: new AbortController(),
};
const { loop: _, ...tasksOfLoop } = tasks;

const pools: { readonly [K in keyof asyncio.ThreadPoolExecutorOptions]-?: unknown } = {
  maxWorkers: "4",
  threadNamePrefix: 5,
  idleTimeout: "60",
  initializer: 5,
  initargs: 5,
};

const running: { readonly [K in keyof asyncio.RunOptions]-?: unknown } = {
  debug: "yes",
  loopFactory: 5,
  signal: new AbortController(),
  stopSignals: "SIGTERM",
  grace: "10",
};

const testing: { readonly [K in keyof TestOptions]-?: unknown } = {
  seed: "5",
  startTime: "0",
  timeout: "1",
  realIo: 1,
};

const children: { readonly [K in keyof asyncio.SubprocessOptions]-?: unknown } = {
  stdin: true,
  stdout: "pipes",
  stderr: {},
  limit: "5",
  cwd: 5,
  env: "A=1",
  user: true,
  group: {},
  uid: "0",
  gid: "0",
  startNewSession: 1,
};

const printed = { limit: "5", file: (): void => {} };

type Printing = { limit?: number; file?: { write(text: string): void } };

export const table: readonly Row[] = [
  // ── runtime
  row("createTask", (o: asyncio.TaskOptions) => run(() => asyncio.createTask(work, o)), tasks),
  row("Task", (o: asyncio.TaskOptions) => run(() => new asyncio.Task(work, o)), tasks),
  row("AbstractEventLoop.createTask", (o: Omit<asyncio.TaskOptions, "loop">) => {
    return onLoop((loop) => loop.createTask(work, o));
  }, tasksOfLoop),
  row("TaskGroup.createTask", (o: Omit<asyncio.TaskOptions, "loop">) => {
    return inGroup((group) => group.createTask(work, o));
  }, tasksOfLoop),
  row("TaskGroup.start", (o: Omit<asyncio.TaskOptions, "loop">) => {
    return run(() =>
      new asyncio.TaskGroup().with(async (group) => {
        const started = (status: asyncio.TaskStatus<void>) => status.started();
        const error = await group.start(started, o).then(() => null, (error) => ({ error }));
        return error;
      })
    ).then((outcome) => {
      if (outcome !== null) throw outcome.error;
    });
  }, tasksOfLoop),
  row("waitFor", (o: asyncio.GraceOption) => run(() => asyncio.waitFor(work, 1, o)), {
    grace: "5",
  }),
  row("withSignal", (o: asyncio.GraceOption) => {
    return run(() => asyncio.withSignal(new AbortController().signal, work, o));
  }, { grace: "5" }),
  row("timeout", (o: asyncio.GraceOption) => asyncio.timeout(1, o), { grace: "5" }),
  row("timeoutAt", (o: asyncio.GraceOption) => asyncio.timeoutAt(1, o), { grace: "5" }),
  row("Task.getStack", (o: { limit?: number }) => {
    return run(() => asyncio.createTask(work).getStack(o));
  }, { limit: "5" }),
  row("Task.printStack", (o: Printing) => {
    return run(() => asyncio.createTask(work).printStack(o));
  }, printed),
  row("Future", (o: { loop?: EventLoop }) => run(() => void new asyncio.Future(o)), { loop: {} }),
  row("Future.addDoneCallback", (o: { context?: asyncio.Context }) => {
    return run(() => new asyncio.Future().addDoneCallback(() => {}, o));
  }, { context: {} }),
  row("gather", (o: { returnExceptions?: boolean; limit?: number }) => {
    return run(() => asyncio.gather([work], o));
  }, { returnExceptions: 1, limit: "2" }),
  row("wait", (o: { timeout?: asyncio.Delay | null; returnWhen?: asyncio.ReturnWhen }) => {
    return run(() => asyncio.wait([asyncio.createTask(work)], o));
  }, { timeout: "5", returnWhen: "first" }),
  row("asCompleted", (o: { timeout?: asyncio.Delay | null; limit?: number }) => {
    return run(() => void asyncio.asCompleted([work], o));
  }, { timeout: "5", limit: "2" }),
  row("waitFor", (o: { grace?: asyncio.Delay | null }) => {
    return run(() => asyncio.waitFor(work, 1, o));
  }, { grace: "5" }),
  row("withSignal", (o: { grace?: asyncio.Delay | null }) => {
    return run(() => asyncio.withSignal(new AbortController().signal, work, o));
  }, { grace: "5" }),
  row("timeout", (o: { grace?: asyncio.Delay | null }) => {
    return run(() => asyncio.timeout(1, o).with(work));
  }, { grace: "5" }),
  row("timeoutAt", (o: { grace?: asyncio.Delay | null }) => {
    return run(() => asyncio.timeoutAt(null, o).with(work));
  }, { grace: "5" }),
  row("retry", (o: asyncio.RetryOptions) => run(() => asyncio.retry(work, o)), {
    attempts: "3",
    delay: "1",
    factor: "2",
    maxDelay: "1",
    jitter: 1,
    within: "1",
    retryIf: true,
    onRetry: true,
  }),
  row("TaskGroup", (o: { limit?: number }) => new asyncio.TaskGroup(o), { limit: "2" }),
  row("shared", (o: { keep?: boolean }) => asyncio.shared(work, o), { keep: 1 }),
  row("interruptible", (o: asyncio.InterruptibleOptions) => asyncio.interruptible(work(), o), {
    onCancel: true,
  }),
  row("map", (o: asyncio.MapIterationOptions) => asyncio.map([], (item) => item, o), {
    limit: "2",
    ordered: 1,
    buffer: "2",
  }),
  row("flatMap", (o: { limit?: number }) => asyncio.flatMap([], () => [], o), { limit: "2" }),
  row("batch", (o: asyncio.BatchOptions) => asyncio.batch([], o), { size: "2", within: "1" }),
  row("ticks", (o: { immediately?: boolean }) => asyncio.ticks(1, o), { immediately: 1 }),
  row("Broadcast", (o: asyncio.BroadcastOptions) => new asyncio.Broadcast(o), {
    maxsize: "2",
    onFull: true,
  }),
  row("ensureFuture", (o: { loop?: EventLoop }) => run(() => asyncio.ensureFuture(work, o)), {
    loop: 5,
  }),
  row("wrapFuture", (o: { loop?: EventLoop }) => run(() => asyncio.wrapFuture(work(), o)), {
    loop: 5,
  }),
  row("run", (o: asyncio.RunOptions) => run(work, o), running),
  row("Runner", (o: asyncio.RunOptions) => {
    return new asyncio.Runner(o).with((runner) => runner.run(work));
  }, running),
  row("Runner.run", (o: { context?: asyncio.Context }) => {
    return new asyncio.Runner().with((runner) => runner.run(work, o));
  }, { context: 5 }),
  row("ContextVar", (o: { default?: unknown }) => new asyncio.ContextVar("name", o), {
    default: ANYTHING,
  }),
  row("captureCallGraph", (o: { limit?: number }) => {
    return run(() => void asyncio.captureCallGraph(undefined, o));
  }, { limit: "5" }),
  row("formatCallGraph", (o: { limit?: number }) => {
    return run(() => asyncio.formatCallGraph(undefined, o));
  }, { limit: "5" }),
  row("printCallGraph", (o: Printing) => {
    return run(() => asyncio.printCallGraph(undefined, o));
  }, printed),
  row("ThreadPoolExecutor", (o: asyncio.ThreadPoolExecutorOptions) => {
    return new asyncio.ThreadPoolExecutor(o);
  }, pools),
  row("ProcessPoolExecutor", (o: asyncio.ThreadPoolExecutorOptions) => {
    return new asyncio.ProcessPoolExecutor(o);
  }, pools),
  row("ThreadPoolExecutor.shutdown", (o: asyncio.ShutdownOptions) => {
    return new asyncio.ThreadPoolExecutor().shutdown(o);
  }, { wait: "no", cancelFutures: 1 }),
  // ── queues
  row("Queue.shutdown", (o: { immediate?: boolean }) => new asyncio.Queue().shutdown(o), {
    immediate: 1,
  }),
  row("PriorityQueue", (o: { compare?: (a: unknown, b: unknown) => number }) => {
    return new asyncio.PriorityQueue(0, o);
  }, { compare: 5 }),
  // ── subprocess
  row("createSubprocessExec", (o: asyncio.SubprocessOptions) => {
    return run(() => asyncio.createSubprocessExec("true", [], o));
  }, children),
  row("createSubprocessShell", (o: asyncio.SubprocessOptions) => {
    return run(() => asyncio.createSubprocessShell("true", o));
  }, children),
  row("AbstractEventLoop.subprocessExec", (o: asyncio.SubprocessOptions) => {
    return onLoop((loop) => loop.subprocessExec(() => ({}), "true", [], o));
  }, children),
  row("AbstractEventLoop.subprocessShell", (o: asyncio.SubprocessOptions) => {
    return onLoop((loop) => loop.subprocessShell(() => ({}), "true", o));
  }, children),
  row("terminateProcess", (o: asyncio.TerminateOptions) => {
    return run(async () => {
      const process = await asyncio.createSubprocessExec("true");
      await process.wait();
      return await asyncio.terminateProcess(process, o);
    });
  }, { grace: "5" }),
  // ── testing
  row("runTest", (o: TestOptions) => runTest(work, o), testing),
  row("explore", (o: ExploreOptions) => explore(work, o), { ...testing, runs: "5" }),
  row("TestLoop", (o: TestOptions) => new TestLoop(o), testing),
  // ── net
  row("openConnection", (o: asyncio.ConnectOptions) => {
    return run(() => asyncio.openConnection("127.0.0.1", 1, o));
  }, connecting),
  row("openUnixConnection", (o: asyncio.ConnectOptions) => {
    return run(() => asyncio.openUnixConnection("/nowhere/s", o));
  }, connecting),
  row("startServer", (o: ServeOptions) => {
    return run(() => asyncio.startServer(() => {}, "127.0.0.1", 0, o));
  }, serving),
  row("startUnixServer", (o: ServeOptions) => {
    return run(() => asyncio.startUnixServer(() => {}, "/nowhere/s", o));
  }, serving),
  row("AbstractEventLoop.createConnection", (o: asyncio.ConnectOptions) => {
    return onLoop((loop) => loop.createConnection(make, "127.0.0.1", 1, o));
  }, connecting),
  row("AbstractEventLoop.createUnixConnection", (o: asyncio.ConnectOptions) => {
    return onLoop((loop) => loop.createUnixConnection(make, "/nowhere/s", o));
  }, connecting),
  row("AbstractEventLoop.createServer", (o: ServeOptions) => {
    return onLoop((loop) => loop.createServer(make, "127.0.0.1", 0, o));
  }, serving),
  row("AbstractEventLoop.createUnixServer", (o: ServeOptions) => {
    return onLoop((loop) => loop.createUnixServer(make, "/nowhere/s", o));
  }, serving),
  row("AbstractEventLoop.connectAcceptedSocket", (o: AcceptedOptions) => {
    return onLoop((loop) => loop.connectAcceptedSocket(make, new asyncio.Socket(), o));
  }, { ...tls, ssl: true }),
  row("AbstractEventLoop.createDatagramEndpoint", (o: asyncio.DatagramOptions) => {
    return onLoop((loop) => loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), o));
  }, {
    localAddr: ["127.0.0.1", 0],
    remoteAddr: { hostname: "127.0.0.1", port: "1" },
    family: "4",
    reusePort: "yes",
    proto: "udp",
    flags: "1",
    allowBroadcast: 1,
    sock: 5,
  }),
  row("AbstractEventLoop.startTls", (o: asyncio.StartTlsOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().startTls(transport, make(), {}, o);
    });
  }, { ...tls, serverSide: "no", serverHostname: null }),
  row("AbstractEventLoop.startTls ssl", (o: asyncio.TlsOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().startTls(transport, make(), o, { serverHostname: "x" });
    });
  }, {
    cert: new Uint8Array(5),
    key: 5,
    passphrase: 5,
    serverNames: [],
    caCerts: "pem",
    alpnProtocols: "h2",
    alpnRequired: 1,
    verifyPeer: "no",
    minimumVersion: 1.2,
    maximumVersion: "1.3",
    ciphers: ["ECDHE"],
  }),
  row("StreamWriter.startTls", (o: Omit<asyncio.StartTlsOptions, "serverSide">) => {
    return connected((writer) => writer.startTls(true, o));
  }, { ...tls, serverHostname: null }),
  row("AbstractEventLoop.sendfile", (o: SendfileOptions) => {
    return connected((_writer, transport) => {
      return asyncio.getRunningLoop().sendfile(transport, new Blob(["a"]), 0, null, o);
    });
  }, sending),
  row("AbstractEventLoop.sockSendfile", (o: SendfileOptions) => {
    return onLoop((loop) => {
      return loop.sockSendfile(new asyncio.Socket(), new Blob(["a"]), 0, null, o);
    });
  }, sending),
  row("AbstractEventLoop.getaddrinfo", (o: asyncio.AddressInfoOptions) => {
    return onLoop((loop) => loop.getaddrinfo("127.0.0.1", 1, o));
  }, { family: "4", type: 1, proto: "tcp", flags: "1" }),
  row("WriteTransport.setWriteBufferLimits", (o: { high?: number; low?: number }) => {
    return connected((_writer, transport) => transport.setWriteBufferLimits(o));
  }, { high: "5", low: null }),
  row("StreamReader", (o: { limit?: number; loop?: EventLoop }) => {
    return run(() => new asyncio.StreamReader(o));
  }, { limit: "5", loop: 5 }),
  row("StreamReaderProtocol", (o: { loop?: EventLoop }) => {
    return run(() => new asyncio.StreamReaderProtocol(new asyncio.StreamReader(), undefined, o));
  }, { loop: {} }),
  row("AbstractSocket.bind", (o: { reusePort?: boolean }) => {
    return run(async () => {
      const socket = new asyncio.Socket();
      try {
        await socket.bind({ hostname: "127.0.0.1", port: 0 }, o);
      } finally {
        // It belongs to no loop, so nothing else would close it.
        socket.close();
      }
    });
  }, { reusePort: "yes" }),
];

const ERROR = "as in JavaScript: an error's constructor throws nothing in the place of the error";

/** Who else takes options, and why it is not in the table. */
export const ELSEWHERE: Readonly<Record<string, string>> = {
  "Executor.shutdown": "an interface for executors of other making",
  BlockingIOError: ERROR,
  BrokenPipeError: ERROR,
  CancelledError: ERROR,
  CheckpointError: ERROR,
  ConnectionAbortedError: ERROR,
  ConnectionRefusedError: ERROR,
  ConnectionResetError: ERROR,
  ExceptionGroup: ERROR,
  FileNotFoundError: ERROR,
  GaiError: ERROR,
  KeyboardInterrupt: ERROR,
  OSError: ERROR,
  PermissionError: ERROR,
  ProcessLookupError: ERROR,
  SSLCertVerificationError: ERROR,
  TimeoutError: ERROR,
};
