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
  /**
   * Its files that other rooms may import, without their ".ts" and separated by blanks; "*": all of them. The rest is the room's
   * own. What a mod.ts exports needs no door.
   */
  readonly doors: string;
}

/** What nearly all rooms use. */
const ground: readonly string[] = ["runtime/base", "runtime/errors", "runtime/core"];

/** From the bottom to the top: a room uses only rooms that stand before it. */
export const rooms: Readonly<Record<string, Room>> = {
  "runtime/base": {
    purpose: "bytes, durations, checks of arguments, how values are printed",
    uses: [],
    doors: "*",
  },
  "runtime/errors": {
    purpose: "exception classes, OS errors, and what a runtime's own errors become",
    uses: ["runtime/base"],
    doors: "errno exceptions native_errors os_error",
  },
  "runtime/wire": {
    purpose: "what crosses to worker threads and back",
    uses: ["runtime/base", "runtime/errors"],
    doors: "protocol wire worker_slot",
  },
  "runtime/core": {
    purpose: "the scheduler, waits, scopes and contexts: the heart",
    uses: ["runtime/base", "runtime/errors", "runtime/wire"],
    doors: "*",
  },
  "runtime/contract": {
    purpose: "the loop as its users see it, and what they give to it and get from it: types alone",
    uses: ["runtime/base", "runtime/core"],
    doors: "*",
  },
  "runtime/tasks": {
    purpose: "futures, tasks and handles, and the futures of other threads",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/contract"],
    doors: "concurrent_future future handles task task_functions task_options",
  },
  "runtime/scopes": {
    purpose: "timeout, TaskGroup, withSignal",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/tasks"],
    doors: "deadline known with_signal",
  },
  "runtime/combinators": {
    purpose: "gather, wait, waitFor, asCompleted, shield, sleep",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
    ],
    doors: "ensure_future gather shield sleep source_reader staggered wait wait_for",
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
    doors: "thread_pool to_thread",
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
    doors: "debug_mode exception_reporter",
  },
  "runtime/loop": {
    purpose: "the loop's base class, policies, run and Runner, signals of the process",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/threads",
      "runtime/debug",
    ],
    doors: "base_event_loop policies runners signals",
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
    doors: "",
  },
  sync: {
    purpose: "Lock, Event, Condition, Semaphore, Barrier",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/scopes"],
    doors: "lock_cycle wait_list",
  },
  queues: {
    purpose: "Queue, PriorityQueue, LifoQueue, Broadcast",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "sync"],
    doors: "",
  },
  iteration: {
    purpose: "map, flatMap, merge, batch, ticks",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/tasks",
      "runtime/combinators",
    ],
    doors: "",
  },
  "net/core": {
    purpose:
      "the host's contract, checks of options and addresses, operations, write queues, flow control",
    uses: ["runtime/base", "runtime/errors", "runtime/core", "runtime/contract"],
    doors: "*",
  },
  "net/platform": {
    purpose: "permissions, paths of unix sockets",
    uses: ["runtime/base", "runtime/errors"],
    doors: "permissions unix_paths",
  },
  "net/channels": {
    purpose: "a runtime's connections and listeners as raw channels",
    uses: ["runtime/base", "runtime/errors", "net/core", "net/platform"],
    doors:
      "deno_channel deno_listener gates node_channel node_datagram node_listener prefixed_channel",
  },
  "net/tls": {
    purpose: "node:tls over any raw channel",
    uses: ["runtime/base", "runtime/errors", "net/core", "net/channels"],
    doors: "handshake options secure_context",
  },
  "net/hosts": {
    purpose: "what Deno, Node and Bun offer, behind one interface",
    uses: [
      ...ground,
      "net/core",
      "net/platform",
      "net/channels",
      "net/tls",
    ],
    doors: "select",
  },
  "net/names": {
    purpose: "names, services and addresses",
    uses: [
      ...ground,
      "runtime/contract",
      "net/core",
      "net/platform",
      "net/hosts",
    ],
    doors: "dns resolve",
  },
  "net/sockets": {
    purpose: "Socket and the loop's sock calls",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "net/core",
      "net/platform",
      "net/channels",
      "net/hosts",
      "net/names",
    ],
    doors: "adopt socket_calls sockets",
  },
  "net/transports": {
    purpose: "stream transports, the upgrade to TLS, sendfile",
    uses: [
      ...ground,
      "runtime/contract",
      "net/core",
      "net/channels",
      "net/tls",
      "net/hosts",
      "net/sockets",
    ],
    doors: "open_transport receiving sendfile start_tls transport_base",
  },
  "net/pipes": {
    purpose: "pipes, files and web streams as transports",
    uses: [
      ...ground,
      "runtime/contract",
      "net/core",
      "net/channels",
      "net/transports",
    ],
    doors: "connect_pipes pipe_transports pulled_reader web_pipes",
  },
  "net/tcp": {
    purpose: "connecting, listening, Server",
    uses: [
      ...ground,
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
    doors: "connect listen server server_core",
  },
  "net/datagrams": {
    purpose: "datagram endpoints",
    uses: [
      ...ground,
      "runtime/contract",
      "net/core",
      "net/hosts",
      "net/names",
      "net/sockets",
      "net/transports",
    ],
    doors: "datagram_endpoint",
  },
  "net/streams": {
    purpose: "StreamReader, StreamWriter and web streams of them",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/tasks",
      "runtime/scopes",
      "runtime/combinators",
      "runtime/loop",
      "net/core",
    ],
    doors: "collection left_open stream_reader stream_reader_protocol stream_writer",
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
    doors: "lazy net_event_loop",
  },
  "subprocess/core": {
    purpose: "the host's contract, options, requests and notices of an exit",
    uses: ["runtime/base", "runtime/errors", "runtime/contract", "net/core"],
    doors: "host options request",
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
    doors: "bun deno node",
  },
  "subprocess/transport": {
    purpose: "a child and its pipes as a transport",
    uses: [
      ...ground,
      "runtime/contract",
      "net/core",
      "net/pipes",
      "net/streams",
      "subprocess/core",
    ],
    doors: "process_transport stream_protocol",
  },
  subprocess: {
    purpose: "Process and what starts it",
    uses: [
      ...ground,
      "runtime/contract",
      "runtime/scopes",
      "runtime/combinators",
      "net/core",
      "net/streams",
      "subprocess/core",
      "subprocess/hosts",
      "subprocess/transport",
    ],
    doors: "create_subprocess",
  },
  "event_loop.ts": {
    purpose: "EventLoop: the core, the net, children and signals behind one class",
    uses: [
      "runtime/base",
      "runtime/contract",
      "runtime/loop",
      "net",
      "subprocess/core",
      "subprocess",
    ],
    doors: "event_loop",
  },
  testing: {
    purpose: "the loop with a virtual clock, schedules, deadlocks",
    uses: [
      ...ground,
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
    doors: "",
  },
  "mod.ts": {
    purpose: "the public surface",
    uses: [
      "runtime/base",
      "runtime/contract",
      "runtime",
      "sync",
      "queues",
      "iteration",
      "net/core",
      "net/sockets",
      "net/tcp",
      "net/streams",
      "net",
      "subprocess/core",
      "subprocess",
      "event_loop.ts",
    ],
    doors: "",
  },
};

/** The room a module lives in: its folder, or the file itself in the root. The loop's interface belongs to the contract. */
export function roomOf(path: string): string {
  if (path === "loop_interface.ts") return "runtime/contract";
  return path.includes("/") ? path.split("/").slice(0, -1).join("/") : path;
}
