/**
 * Which task waits for which: the call graph of tasks, as text and as objects.
 *
 * @module
 */
import type { EventLoop } from "../../loop_interface.ts";
import { allTasks, currentTask, isFuture } from "../tasks/task_functions.ts";
import { describeType } from "../base/format.ts";
import { entriesOf, type Future } from "../tasks/future.ts";
import { GatheringFuture } from "../combinators/gather.ts";
import { ShieldingFuture } from "../combinators/shield.ts";
import { type OptionsOf, optionsOf, whole, writable } from "../base/options.ts";
import { Site } from "../base/stack.ts";
import { isTask, scopeOf, type Task } from "../tasks/task.ts";
import { type Wait, waitsOf } from "../core/wait.ts";

/**
 * A future, where its task stands, and what goes on when it is done.
 *
 * - A future that is reached on several ways is one object in the graph, so its size is that of the tasks involved.
 * - Where futures wait for each other in a ring, the ring is cut: there `awaitedBy` is empty.
 *
 * asyncio: `asyncio.FutureCallGraph`
 */
export interface FutureCallGraph {
  /** The future or task. */
  future: Future<unknown>;
  /** What the task waits for and, in debug mode, the stack frames of that wait, innermost first. Empty for plain futures. */
  callStack: string[];
  /** The tasks and futures that wait for it, through gathers, groups, shields and locks too. */
  awaitedBy: FutureCallGraph[];
}

/** How much of each call stack is shown. */
export interface CallGraphOptions {
  /** Positive: so many entries next to the wait; negative: so many outermost ones; 0: none. @default {all} */
  limit?: number;
}

const OPTIONS: OptionsOf<CallGraphOptions> = optionsOf(
  "{ limit: 5 }",
  { limit: whole },
  { depth: "the frames of this library are left out" },
);
const PRINTING: OptionsOf<CallGraphOptions & { file?: { write(text: string): void } }> = optionsOf(
  "{ limit: 5 }",
  { limit: whole, file: writable },
  { depth: "the frames of this library are left out" },
);

/**
 * The graph above `future`, or above the current task: its stack and, recursively, what awaits it. Null when no future is
 * given and no task runs.
 *
 * asyncio: `asyncio.capture_call_graph()` (3.14)
 *
 * @throws {TypeError} if it is not a future
 *
 * @example
 * ```ts
 * import { captureCallGraph, createTask, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const inner = createTask(() => sleep(0.01), { name: "inner" });
 *   const outer = createTask(async () => await inner, { name: "outer" });
 *   await sleep(0);
 *   const graph = captureCallGraph(inner)!;
 *   assert.equal(graph.awaitedBy[0]?.future, outer);
 *   await outer;
 * });
 * ```
 */
export function captureCallGraph(
  future?: Future<unknown>,
  options: CallGraphOptions = {},
): FutureCallGraph | null {
  OPTIONS.check(options, "captureCallGraph()");
  const start = future ?? currentTask();
  if (start === null) return null;
  if (!isFuture(start)) {
    throw new TypeError(
      `Cannot capture a call graph: a Future or Task is needed, received ${describeType(start)}`,
    );
  }
  return new Capture(start, options).build();
}

/**
 * The graph of {@linkcode captureCallGraph} as text; "" when there is none.
 *
 * asyncio: `asyncio.format_call_graph()` (3.14)
 *
 * @throws {TypeError} if `future` is not a future
 *
 * @example
 * ```ts
 * import { createTask, formatCallGraph, run, sleep } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * await run(async () => {
 *   const inner = createTask(() => sleep(0.01), { name: "inner" });
 *   const outer = createTask(async () => await inner, { name: "outer" });
 *   await sleep(0);
 *   assert.match(formatCallGraph(inner), /Task\(name="inner".*Awaited by:.*Task\(name="outer"/s);
 *   await outer;
 * });
 * ```
 */
export function formatCallGraph(future?: Future<unknown>, options: CallGraphOptions = {}): string {
  OPTIONS.check(options, "formatCallGraph()");
  const graph = captureCallGraph(future, options);
  return graph === null ? "" : render(graph).join("\n");
}

/**
 * Prints the graph of {@linkcode captureCallGraph} to `file`, by default to the console.
 *
 * asyncio: `asyncio.print_call_graph()` (3.14)
 *
 * @throws {TypeError} if `future` is not a future
 *
 * @example
 * ```ts
 * import { printCallGraph, run } from "@asyncio/asyncio";
 * import assert from "node:assert/strict";
 *
 * const lines: string[] = [];
 * await run(() => printCallGraph(undefined, { file: { write: (text) => lines.push(text) } }));
 * assert.match(lines.join(""), /^\* Task\(name="Task-\d+"/);
 * ```
 */
export function printCallGraph(
  future?: Future<unknown>,
  options: CallGraphOptions & { file?: { write(text: string): void } } = {},
): void {
  PRINTING.check(options, "printCallGraph()");
  const { file, ...shown } = options;
  const text = formatCallGraph(future, shown);
  if (text === "") return;
  if (file === undefined) console.log(text);
  else file.write(`${text}\n`);
}

/** Levels that the text shows: each is indented further, so a long chain would grow with its square. */
const DEEPEST = 100;

/** One walk up the graph. It keeps its own list of what is open: a chain may be longer than the stack of calls. */
class Capture {
  readonly #start: Future<unknown>;
  readonly #limit: number | undefined;
  readonly #nodes: Map<Future<unknown>, FutureCallGraph> = new Map();
  readonly #waitingForHolder: ReadonlyMap<object, Task<unknown>[]>;

  constructor(start: Future<unknown>, { limit }: CallGraphOptions) {
    this.#start = start;
    this.#limit = limit;
    this.#waitingForHolder = waitersOfHolders(start.getLoop());
  }

  build(): FutureCallGraph {
    const root = this.#node(this.#start);
    const open = new Set([this.#start]);
    const path = [{ node: root, awaiters: this.#awaitersOf(this.#start), next: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const awaiter = top.awaiters[top.next++];
      if (awaiter === undefined) {
        open.delete(top.node.future);
        path.pop();
        continue;
      }
      const known = this.#nodes.get(awaiter);
      if (open.has(awaiter)) top.node.awaitedBy.push({ ...known!, awaitedBy: [] });
      else if (known !== undefined) top.node.awaitedBy.push(known);
      else {
        const node = this.#node(awaiter);
        top.node.awaitedBy.push(node);
        open.add(awaiter);
        path.push({ node, awaiters: this.#awaitersOf(awaiter), next: 0 });
      }
    }
    return root;
  }

  #node(future: Future<unknown>): FutureCallGraph {
    const callStack = isTask(future) ? limited(stackOf(future), this.#limit) : [];
    const node: FutureCallGraph = { future, callStack, awaitedBy: [] };
    this.#nodes.set(future, node);
    return node;
  }

  #awaitersOf(future: Future<unknown>): Future<unknown>[] {
    const awaiters = new Set<Future<unknown>>();
    for (const { awaiter } of entriesOf(future)) {
      if (isFuture(awaiter) && !awaiter.done()) awaiters.add(awaiter);
    }
    for (const task of this.#waitingForHolder.get(future) ?? []) awaiters.add(task);
    return [...awaiters];
  }
}

/** For each task that holds a lock the tasks that wait for it. */
function waitersOfHolders(loop: EventLoop): Map<object, Task<unknown>[]> {
  const waiters = new Map<object, Task<unknown>[]>();
  for (const task of allTasks(loop)) {
    for (const { holder } of waitsOf(scopeOf(task))) {
      if (holder === null) continue;
      const others = waiters.get(holder);
      if (others === undefined) waiters.set(holder, [task]);
      else others.push(task);
    }
  }
  return waiters;
}

/** Innermost first: for the running task its present calls, for others what they wait for and where. */
function stackOf(task: Task<unknown>): string[] {
  if (task.done()) return [];
  if (task === currentTask()) return linesOf(new Site(stackOf));
  const [wait] = waitsOf(scopeOf(task));
  if (wait === undefined) return [];
  return [`waiting for ${whatIsAwaited(wait)}`, ...linesOf(wait.site)];
}

function whatIsAwaited(wait: Wait<unknown>): string {
  return isFuture(wait.awaited) ? labelOf(wait.awaited) : wait.describe();
}

function linesOf(site: Site | null): string[] {
  return site === null || site.text === "" ? [] : site.text.split("\n");
}

function limited(lines: string[], limit: number | undefined): string[] {
  if (limit === undefined) return lines;
  if (limit === 0) return [];
  return limit > 0 ? lines.slice(0, limit) : lines.slice(limit);
}

const ids: WeakMap<object, number> = new WeakMap();
let lastId = 0;

/** `Task(name="x", id=0x1)`, `gather(id=0x2)`; the id tells apart what has the same name. */
function labelOf(future: Future<unknown>): string {
  let id = ids.get(future);
  if (id === undefined) ids.set(future, id = ++lastId);
  const name = isTask(future) ? `name=${JSON.stringify(future.getName())}, ` : "";
  return `${kindOf(future)}(${name}id=0x${id.toString(16)})`;
}

function kindOf(future: Future<unknown>): string {
  if (isTask(future)) return "Task";
  if (future instanceof GatheringFuture) return "gather";
  return future instanceof ShieldingFuture ? "shield" : "Future";
}

function render(root: FutureCallGraph): string[] {
  const lines: string[] = [];
  const shown = new Set<FutureCallGraph>();
  const path: { node: FutureCallGraph; next: number }[] = [];
  const open = (node: FutureCallGraph): void => {
    const indent = "    ".repeat(path.length);
    const again = shown.has(node) && node.awaitedBy.length > 0;
    lines.push(`${indent}* ${labelOf(node.future)}${again ? ", as above" : ""}`);
    if (again) return;
    shown.add(node);
    if (node.callStack.length > 0) lines.push(`${indent}  + Call stack:`);
    for (const entry of node.callStack) lines.push(`${indent}  |   ${entry}`);
    if (node.awaitedBy.length > 0 && path.length === DEEPEST) {
      lines.push(`${indent}  + Awaited by: more, which is left out here`);
    } else if (node.awaitedBy.length > 0) {
      lines.push(`${indent}  + Awaited by:`);
      path.push({ node, next: 0 });
    }
  };
  open(root);
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const awaiter = top.node.awaitedBy[top.next++];
    if (awaiter === undefined) path.pop();
    else open(awaiter);
  }
  return lines;
}
