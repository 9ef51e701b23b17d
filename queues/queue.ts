import { flag, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { describeType, identityOf, showAs, staysInThread } from "../runtime/base/format.ts";
import type { Statistics } from "../sync/wait_list.ts";
import { QueueCore, QueueIterator } from "./queue_core.ts";
import { Deque, type Store } from "./stores.ts";

const SHUTDOWN: OptionsOf<{ immediate?: boolean }> = optionsOf("{ immediate: true }", {
  immediate: flag,
});

/** One for all `put`s that need not wait: a settled promise holds nothing of its own. */
const done: Promise<void> = Promise.resolve();

/** Gives a queue a store of its own, for subclasses. */
export let replaceStore: <T>(queue: Queue<T>, store: Store<T>) => void;

/**
 * Hands items from producers to consumers, first in, first out (`asyncio.Queue`).
 *
 * - Bounded by `maxsize`: `put` waits while the queue is full, so fast producers can't run away from slow consumers.
 * - Blocked getters and putters are served in the order in which they came.
 * - `put` stores the item and then wakes a getter: until that one runs, `qsize()` counts the item and another taker may be
 *   quicker. The getter that comes too late waits again, behind the others.
 * - Getting from a queue that is not empty, and putting to one that is not full, pass no turn of the loop.
 * - Cancelling a getter or putter loses no item and no slot. A `get()` that merely lost a `Promise.race` still takes an
 *   item: use `timeout` or `waitFor`, which cancel it.
 * - After `shutdown()` nothing more goes in; what is inside may still be taken.
 * - An item that is a promise, or a Task, is awaited by `await queue.get()`, as JavaScript does with every promise of a
 *   promise: take it with `getNowait()` or `for await`, or put it in an object.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { gather, Queue, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const queue = new Queue<number>(2);
 *   const seen: number[] = [];
 *   const produce = async () => {
 *     for (let n = 0; n < 5; n++) await queue.put(n);
 *     queue.shutdown();
 *   };
 *   const consume = async () => {
 *     for await (const n of queue) seen.push(n);
 *   };
 *   await gather([produce, consume]);
 *   assert.deepEqual(seen, [0, 1, 2, 3, 4]);
 * });
 * ```
 */
export class Queue<T> implements AsyncIterable<T> {
  readonly #core: QueueCore<T>;

  /**
   * An empty queue.
   *
   * @param maxsize how many items it holds at most; 0 or less: as many as come
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is NaN
   */
  constructor(maxsize: number = 0) {
    if (typeof maxsize !== "number") {
      throw new TypeError(
        `Cannot make a queue: maxsize must be a number, received ${
          describeType(maxsize)
        }; write new Queue(10)`,
      );
    }
    if (Number.isNaN(maxsize)) {
      throw new RangeError(
        "Cannot make a queue: maxsize must be a number, received NaN; write 0 for no limit",
      );
    }
    this.#core = new QueueCore<T>(this, maxsize, new Deque<T>());
  }

  /** As given to the constructor. */
  get maxsize(): number {
    return this.#core.maxsize;
  }

  /** How many items are inside. */
  qsize(): number {
    return this.#core.store.size;
  }

  /** Whether nothing is inside. */
  empty(): boolean {
    return this.#core.store.size === 0;
  }

  /** Whether `maxsize` items are inside; never, without a limit. */
  full(): boolean {
    return this.#core.full;
  }

  /**
   * Puts an item in, waiting for a slot while the queue is full.
   *
   * @throws {QueueShutDown} if the queue is shut down, or gets shut down while this waits
   * @throws {CancelledError} if the wait is cancelled; the item is then not inside
   * @throws {TypeError} from a PriorityQueue that can't order the item
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  put(item: T): Promise<void> {
    const core = this.#core;
    try {
      if (core.full) return core.waitToPut(item);
      core.put(item);
      return done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Puts an item in, now.
   *
   * @throws {QueueFull} if there is no slot
   * @throws {QueueShutDown} if the queue is shut down
   * @throws {TypeError} from a PriorityQueue that can't order the item
   */
  putNowait(item: T): void {
    this.#core.put(item);
  }

  /**
   * Takes an item out, waiting for one while the queue is empty.
   *
   * @throws {QueueShutDown} if the queue is empty and shut down, or gets so while this waits
   * @throws {CancelledError} if the wait is cancelled; no item is then taken
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  get(): Promise<T> {
    const core = this.#core;
    try {
      return core.store.size > 0 ? Promise.resolve(core.take()) : core.waitToGet();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Takes an item out, now.
   *
   * @throws {QueueEmpty} if there is none
   * @throws {QueueShutDown} if there is none and the queue is shut down
   */
  getNowait(): T {
    return this.#core.take();
  }

  /**
   * Says that the work on one item is done; for {@linkcode Queue.join}. To be called once for each item taken.
   *
   * @throws {RangeError} if it was called for all items already
   */
  taskDone(): void {
    this.#core.taskDone();
  }

  /**
   * Waits until `taskDone()` was called for every item that was put in.
   *
   * @throws {CancelledError} if the wait is cancelled
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  join(): Promise<void> {
    const core = this.#core;
    try {
      return core.unfinished > 0 ? core.waitUntilDone() : done;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** `waiting`, of which `getters`, `putters` and `joiners`; `size`, `maxsize`, `unfinished` and `shutdown`. */
  statistics(): Statistics {
    const { getters, putters, joiners, store, maxsize, unfinished, isShutDown } = this.#core;
    return {
      waiting: getters.length + putters.length + joiners.length,
      getters: getters.length,
      putters: putters.length,
      joiners: joiners.length,
      size: store.size,
      maxsize,
      unfinished,
      shutdown: isShutDown,
    };
  }

  /**
   * Ends the queue: nothing goes in any more, blocked putters get a QueueShutDown, and so do getters once it is empty.
   *
   * @param options `immediate`: also drop what is inside, and count it as done
   * @throws {TypeError} if the options are not an object: `shutdown({ immediate: true })`
   */
  shutdown(options: { immediate?: boolean } = {}): void {
    SHUTDOWN.check(options, "shutdown()");
    this.#core.shutDown(options.immediate ?? false);
  }

  /**
   * `for await (const item of queue)` takes items until the queue is shut down and empty. It takes none ahead: leaving the
   * loop leaves the rest inside. Calling `taskDone()` is up to the loop's body.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return new QueueIterator(this.#core);
  }

  /** `<Queue maxsize=2 _queue=[1, 2] _putters[1] tasks=3>`: at most twenty items are shown. */
  toString(): string {
    return `<${this.constructor.name} ${this.#format()}>`;
  }

  #format(): string {
    const { maxsize, store, getters, putters, unfinished, isShutDown } = this.#core;
    const parts = [`maxsize=${maxsize}`];
    if (store.size > 0) parts.push(`_queue=${formatItems(store, store.size)}`);
    if (getters.length > 0) parts.push(`_getters[${getters.length}]`);
    if (putters.length > 0) parts.push(`_putters[${putters.length}]`);
    if (unfinished > 0) parts.push(`tasks=${unfinished}`);
    if (isShutDown) parts.push("shutdown");
    return parts.join(" ");
  }

  static {
    replaceStore = (queue, store) => {
      queue.#core.store = store;
    };
    showAs(
      this.prototype,
      (queue) => `<${queue.constructor.name} #${identityOf(queue)} ${queue.#format()}>`,
    );
  }
}

staysInThread(
  "pass functions that use it: toThread(work, () => queue.get(), (item) => queue.put(item))",
  Queue,
);

const MOST_ITEMS = 20;
const MOST_DEPTH = 3;

/** `[1, 'a', …]`: the items of a queue, the first twenty of them. */
function formatItems(items: Iterable<unknown>, size: number, depth: number = 0): string {
  const parts: string[] = [];
  for (const item of items) {
    if (parts.length === MOST_ITEMS) {
      parts.push(`… ${size - MOST_ITEMS} more`);
      break;
    }
    parts.push(formatItem(item, depth));
  }
  return `[${parts.join(", ")}]`;
}

function formatItem(item: unknown, depth: number): string {
  switch (typeof item) {
    case "string":
      return `'${item.replaceAll("\\", "\\\\").replaceAll("'", "\\'").replaceAll("\n", "\\n")}'`;
    case "bigint":
      return `${item}n`;
    case "function":
      return `[function ${item.name || "anonymous"}]`;
    case "object":
      if (item === null) return "null";
      if (Array.isArray(item)) {
        return depth < MOST_DEPTH ? formatItems(item, item.length, depth + 1) : "[…]";
      }
      return formatObject(item);
    default:
      return String(item);
  }
}

/** Its own `toString`, if it has one that says something. */
function formatObject(object: object): string {
  const { toString } = object;
  if (typeof toString === "function" && toString !== Object.prototype.toString) return `${object}`;
  const name: unknown = object.constructor?.name;
  return typeof name === "string" && name !== "Object" ? `[${name}]` : "{…}";
}

// ── last in, first out

/**
 * A queue from which the newest item leaves first (`asyncio.LifoQueue`).
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { LifoQueue } from "@asyncio/asyncio";
 *
 * const stack = new LifoQueue<string>();
 * stack.putNowait("first");
 * stack.putNowait("second");
 * assert.equal(stack.getNowait(), "second");
 * ```
 */
export class LifoQueue<T> extends Queue<T> {
  /**
   * An empty queue.
   *
   * @param maxsize how many items it holds at most; 0 or less: as many as come
   * @throws {TypeError} if it is not a number
   * @throws {RangeError} if it is NaN
   */
  constructor(maxsize: number = 0) {
    super(maxsize);
    replaceStore(this, new Stack<T>());
  }
}

/** Last in, first out. */
class Stack<T> implements Store<T> {
  #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  put(item: T): void {
    this.#items.push(item);
  }

  take(): T {
    return this.#items.pop() as T;
  }

  clear(): void {
    this.#items = [];
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#items.values();
  }
}
