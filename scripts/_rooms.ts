/**
 * The rooms of the house: what each is for and which others it may import from. The check of the arrows, the picture of the
 * house and the table in docs/design.md are made of this list.
 */

/** A folder of the library; of the root, a file. */
export interface Room {
  /** What is in it, in a line. */
  readonly purpose: string;
  /** The rooms that its files may import from. */
  readonly uses: readonly string[];
}

/** From the bottom to the top: a room uses only rooms that stand before it. */
export const rooms: Readonly<Record<string, Room>> = {
  "runtime/base": {
    purpose: "bytes, durations, checks of arguments, how values are printed",
    uses: [],
  },
  "runtime/errors": {
    purpose: "exception classes, OS errors, and what a runtime's own errors become",
    uses: ["runtime/base"],
  },
  "runtime/wire": {
    purpose: "what crosses to worker threads and back",
    uses: ["runtime/base", "runtime/errors"],
  },
  "runtime/core": {
    purpose: "the scheduler, waits, scopes and contexts: the heart",
    uses: ["runtime/base", "runtime/errors", "runtime/wire"],
  },
  "runtime/contract": {
    purpose: "the loop as its users see it, and what they give to it and get from it: types alone",
    uses: ["runtime/base", "runtime/core"],
  },
  "runtime/tasks": {
    purpose: "futures, tasks and handles, and the futures of other threads",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/contract"],
  },
  "runtime/scopes": {
    purpose: "timeout, TaskGroup, withSignal",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/tasks"],
  },
  "runtime/combinators": {
    purpose: "gather, wait, waitFor, asCompleted, shield, sleep",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
    ],
  },
  "runtime/threads": {
    purpose: "worker threads, process pools, executors",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/wire",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
    ],
  },
  "runtime/debug": {
    purpose: "debug mode, reports of the exception handler, call graphs",
    uses: [
      "runtime/base",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/combinators",
    ],
  },
  "runtime/loop": {
    purpose: "the loop's base class, policies, run and Runner",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/threads",
      "runtime/debug",
    ],
  },
  "runtime/signals": {
    purpose: "signal handlers of the process",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/contract", "runtime/loop"],
  },
  runtime: {
    purpose: "what users import of the core",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/wire",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/threads",
      "runtime/debug",
      "runtime/loop",
    ],
  },
  sync: {
    purpose: "Lock, Event, Condition, Semaphore, Barrier",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/scopes"],
  },
  queues: {
    purpose: "Queue, PriorityQueue, LifoQueue",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "sync"],
  },
  "net/core": {
    purpose:
      "contracts of the net (hosts, transports, protocols, options), addresses, write queues, flow control",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/contract"],
  },
  "net/platform": {
    purpose: "permissions, paths of unix sockets",
    uses: ["runtime/base", "runtime/errors"],
  },
  "net/channels": {
    purpose: "a runtime's connections and listeners as raw channels",
    uses: ["runtime/base", "runtime/errors", "net/core", "net/platform"],
  },
  "net/tls": {
    purpose: "node:tls over any raw channel",
    uses: ["runtime/base", "runtime/errors", "net/core", "net/channels"],
  },
  "net/hosts": {
    purpose: "what Deno, Node and Bun offer, behind one interface",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "net/core",
      "net/platform",
      "net/channels",
      "net/tls",
    ],
  },
  "net/names": {
    purpose: "names, services and addresses",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "net/core",
      "net/platform",
      "net/hosts",
    ],
  },
  "net/sockets": {
    purpose: "Socket and the loop's sock calls",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "net/core",
      "net/platform",
      "net/channels",
      "net/hosts",
      "net/names",
    ],
  },
  "net/transports": {
    purpose: "stream transports, the upgrade to TLS, sendfile",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "net/core",
      "net/channels",
      "net/tls",
      "net/hosts",
      "net/sockets",
    ],
  },
  "net/pipes": {
    purpose: "pipes, files and web streams as transports",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "net/core",
      "net/channels",
      "net/transports",
    ],
  },
  "net/tcp": {
    purpose: "connecting, listening, Server",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/scopes",
      "runtime/combinators",
      "net/core",
      "net/tls",
      "net/hosts",
      "net/names",
      "net/sockets",
      "net/transports",
    ],
  },
  "net/datagrams": {
    purpose: "datagram endpoints",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "net/core",
      "net/hosts",
      "net/names",
      "net/sockets",
      "net/transports",
    ],
  },
  "net/streams": {
    purpose: "StreamReader, StreamWriter and web streams of them",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/loop",
      "net/core",
    ],
  },
  net: {
    purpose: "what users import of the net; what is loaded at the first use",
    uses: [
      "runtime/base",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/loop",
      "net/core",
      "net/tls",
      "net/hosts",
      "net/names",
      "net/sockets",
      "net/transports",
      "net/pipes",
      "net/tcp",
      "net/datagrams",
      "net/streams",
    ],
  },
  "subprocess/core": {
    purpose: "the host's contract, options, requests and notices of an exit",
    uses: ["runtime/base", "runtime/errors", "runtime/contract", "net/core"],
  },
  "subprocess/hosts": {
    purpose: "starting a child on Deno, Node and Bun",
    uses: [
      "runtime/base",
      "runtime/errors",
      "net/core",
      "net/channels",
      "net/pipes",
      "subprocess/core",
    ],
  },
  "subprocess/transport": {
    purpose: "a child and its pipes as a transport",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "net/core",
      "net/pipes",
      "net/streams",
      "subprocess/core",
    ],
  },
  subprocess: {
    purpose: "Process and what starts it",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/loop",
      "net/core",
      "net/streams",
      "subprocess/core",
      "subprocess/hosts",
      "subprocess/transport",
    ],
  },
  "event_loop.ts": {
    purpose: "EventLoop: the core, the net, children and signals behind one class",
    uses: [
      "runtime/base",
      "runtime/contract",
      "runtime/loop",
      "runtime/signals",
      "net",
      "subprocess/core",
      "subprocess",
    ],
  },
  testing: {
    purpose: "the loop with a virtual clock, schedules, deadlocks",
    uses: [
      "runtime/base",
      "runtime/errors",
      "runtime/core",
      "runtime/contract",
      "runtime/tasks",
      "runtime/combinators",
      "runtime/threads",
      "runtime/loop",
      "sync",
      "net/transports",
      "net/tcp",
      "subprocess/transport",
      "event_loop.ts",
    ],
  },
  "mod.ts": {
    purpose: "the public surface",
    uses: ["runtime/contract", "runtime", "sync", "queues", "net", "subprocess", "event_loop.ts"],
  },
};

/** The room a module lives in: its folder, or the file itself in the root. The loop's interface belongs to the contract. */
export function roomOf(path: string): string {
  if (path === "loop_interface.ts") return "runtime/contract";
  return path.includes("/") ? path.split("/").slice(0, -1).join("/") : path;
}
