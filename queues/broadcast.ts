import { number, oneOf, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { type CancelledError, QueueFull, QueueShutDown } from "../runtime/errors/exceptions.ts";
import { identityOf, showAs, staysInThread } from "../runtime/base/format.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { LoopBinding, QueuedWait, type Statistics, WaitList } from "../sync/wait_list.ts";
import { type NextWait, QueueCore } from "./queue_core.ts";
import { Deque } from "./stores.ts";

/** How a {@linkcode Broadcast} is set up. */
export interface BroadcastOptions {
  /** How many items a subscription holds at most; 0 or less: as many as come. @default {0} */
  maxsize?: number;
  /** What becomes of an item for which a subscription has no room. @default {"wait"} */
  onFull?: "wait" | "dropOldest";
}

const OPTIONS: OptionsOf<BroadcastOptions> = optionsOf("{ maxsize: 100 }", {
  maxsize: number,
  onFull: oneOf("wait", "dropOldest"),
});

const done: Promise<void> = Promise.resolve();

let publishNow: (broadcast: Broadcast<unknown>, wait: PublishWait) => void;
let leaveLine: (broadcast: Broadcast<unknown>, wait: PublishWait) => void;

/**
 * One side of a {@linkcode Broadcast}: gets every item that is published from its beginning on, in order.
 *
 * - Iterate over it, or take items with `get()`.
 * - Close it when it is not needed any more, with `close()` or `using`: a publisher may wait for it. Leaving a `for await` over
 *   it closes it.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Broadcast, type Subscription } from "@asyncio/asyncio";
 *
 * const prices = new Broadcast<number>({ maxsize: 1, onFull: "dropOldest" });
 * const slow: Subscription<number> = prices.subscribe();
 * for (const price of [100, 101, 102]) prices.publishNowait(price);
 * assert.equal(await slow.get(), 102);
 * assert.equal(slow.missed, 2);
 * slow.close();
 * ```
 */
export interface Subscription<T> extends AsyncIterableIterator<T>, Disposable {
  /**
   * Takes the next item, waiting for one.
   *
   * @throws {QueueShutDown} if it is closed, or the broadcast is shut down and nothing is left
   * @throws {CancelledError} if the wait is cancelled; no item is then taken
   */
  get(): Promise<T>;
  /** How many items it has lost so far because it was slow. */
  readonly missed: number;
  /** Ends it: what it holds is dropped, and no publisher waits for it any more. */
  close(): void;
}

/**
 * Hands every item to all subscribers: progress to several watchers, changes of a file, prices.
 *
 * - A subscription gets what is published after `subscribe()`, in the same order as all others.
 * - Without subscriptions an item is dropped.
 * - With `maxsize` and `onFull: "wait"`, `publish` waits for the slowest: the item goes to all of them, or to none yet.
 *   Publishers are served in the order in which they came; a cancelled one has published nothing.
 * - With `onFull: "dropOldest"` no publisher waits: a slow subscription loses its oldest item, which its `missed` counts.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { Broadcast, gather, run } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const news = new Broadcast<string>();
 *   const reader = () => {
 *     const items = news.subscribe();
 *     return async () => {
 *       const seen: string[] = [];
 *       for await (const item of items) seen.push(item);
 *       return seen;
 *     };
 *   };
 *   const readers = [reader(), reader()];
 *   await news.publish("first");
 *   await news.publish("second");
 *   news.shutdown();
 *   assert.deepEqual(await gather(readers), [["first", "second"], ["first", "second"]]);
 * });
 * ```
 */
export class Broadcast<T> {
  readonly #maxsize: number;
  readonly #dropsOldest: boolean;
  readonly #open: Set<Channel<T>> = new Set();
  readonly #publishers: WaitList = new WaitList();
  readonly #binding: LoopBinding = new LoopBinding();
  /** A publisher that was woken and has not run yet: the room is its. */
  #promised: PublishWait | null = null;
  #shutDown = false;

  /**
   * A broadcast without subscriptions.
   *
   * @throws {TypeError} if there is no such option, or it is of another type
   * @throws {RangeError} if `maxsize` is NaN, or `onFull` is neither "wait" nor "dropOldest"
   */
  constructor(options: BroadcastOptions = {}) {
    OPTIONS.check(options, "Broadcast");
    this.#maxsize = options.maxsize ?? 0;
    this.#dropsOldest = options.onFull === "dropOldest";
  }

  /** A subscription to all that is published from now on. After `shutdown()` it has ended already. */
  subscribe(): Subscription<T> {
    const channel: Channel<T> = new Channel(() => this.#serve(), (left) => {
      this.#open.delete(left);
      this.#serve();
    });
    if (this.#shutDown) channel.end(false);
    else this.#open.add(channel);
    return channel;
  }

  /**
   * Hands an item to all subscriptions, waiting until each of them has room.
   *
   * @throws {QueueShutDown} if the broadcast is shut down, or gets shut down while this waits
   * @throws {CancelledError} if the wait is cancelled; no subscription has got the item then
   * @throws {RuntimeError} if it must wait, and others wait or waited on another loop
   */
  publish(item: T): Promise<void> {
    try {
      this.#requireOpen();
      if (this.#passes) {
        this.#deliver(item);
        return done;
      }
      const scope = currentScope();
      this.#binding.enter(scope.loop, this);
      return this.#publishers.add(new PublishWait(this as Broadcast<unknown>, item, scope));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Hands an item to all subscriptions, now.
   *
   * @throws {QueueFull} if one of them has no room and the publisher is to wait for that
   * @throws {QueueShutDown} if the broadcast is shut down
   */
  publishNowait(item: T): void {
    this.#requireOpen();
    if (!this.#passes) {
      throw new QueueFull(
        `Cannot publish now: a subscription holds ${this.#maxsize} items, await publish() to wait for room`,
      );
    }
    this.#deliver(item);
  }

  /**
   * Ends the broadcast: nothing can be published any more, waiting publishers get a QueueShutDown, and subscriptions end when
   * they have given out what they hold.
   *
   * @param immediate also drop what they hold
   */
  shutdown(immediate: boolean = false): void {
    this.#shutDown = true;
    while (this.#publishers.wakeOneAndRemove());
    for (const channel of [...this.#open]) channel.end(immediate);
    this.#open.clear();
  }

  /** `waiting` publishers, `subscriptions`, the most items that one of them holds as `size`, `maxsize`, and `shutdown`. */
  statistics(): Statistics {
    let size = 0;
    for (const channel of this.#open) size = Math.max(size, channel.size);
    return {
      waiting: this.#publishers.length,
      subscriptions: this.#open.size,
      size,
      maxsize: this.#maxsize,
      shutdown: this.#shutDown,
    };
  }

  /** `<Broadcast #1 subscriptions=2 maxsize=10>` */
  toString(): string {
    const limit = this.#maxsize > 0 ? ` maxsize=${this.#maxsize}` : "";
    const end = this.#shutDown ? " shutdown" : "";
    return `<Broadcast #${identityOf(this)} subscriptions=${this.#open.size}${limit}${end}>`;
  }

  #requireOpen(): void {
    if (this.#shutDown) throw new QueueShutDown(`Cannot publish: ${this} is shut down`);
  }

  /** Whether an item can be handed out now without overtaking a waiting publisher. */
  get #passes(): boolean {
    if (this.#dropsOldest || this.#maxsize <= 0) return true;
    if (this.#promised !== null || !this.#publishers.allWaitersCancelled) return false;
    return this.#hasRoom;
  }

  get #hasRoom(): boolean {
    for (const channel of this.#open) if (channel.size >= this.#maxsize) return false;
    return true;
  }

  #deliver(item: T): void {
    const most = this.#dropsOldest && this.#maxsize > 0 ? this.#maxsize : Infinity;
    for (const channel of this.#open) channel.put(item, most);
  }

  /** Wakes the publisher in front if all have room now. */
  #serve(): void {
    const publishers = this.#publishers;
    if (this.#promised !== null || publishers.first === null || !this.#hasRoom) return;
    while (publishers.first !== null) {
      const wait = publishers.first as PublishWait;
      publishers.remove(wait);
      if (!wait.wake()) continue;
      this.#promised = wait;
      return;
    }
  }

  static {
    publishNow = (broadcast, wait) => {
      if (broadcast.#promised === wait) broadcast.#promised = null;
      broadcast.#requireOpen();
      broadcast.#deliver(wait.item);
      broadcast.#serve();
    };
    leaveLine = (broadcast, wait) => {
      wait.leave();
      if (broadcast.#promised !== wait) return;
      broadcast.#promised = null;
      broadcast.#serve();
    };
    showAs(this.prototype);
  }
}

class PublishWait extends QueuedWait<void> {
  readonly item: unknown;
  readonly #broadcast: Broadcast<unknown>;

  constructor(broadcast: Broadcast<unknown>, item: unknown, scope: Scope) {
    super(scope);
    this.#broadcast = broadcast;
    this.item = item;
  }

  override describe(): string {
    return `${this.#broadcast}.publish()`;
  }

  protected onWake(): void {
    publishNow(this.#broadcast, this);
  }

  protected override onCancel(_error: CancelledError): void {
    leaveLine(this.#broadcast, this);
  }
}

/** What a subscription holds. */
class Inbox<T> extends Deque<T> {
  readonly #taken: () => void;

  constructor(taken: () => void) {
    super();
    this.#taken = taken;
  }

  override take(): T {
    const item = super.take();
    this.#taken();
    return item;
  }

  /** Without a word to publishers: the next item is on its way into the place. */
  drop(): void {
    super.take();
  }
}

class Channel<T> implements Subscription<T> {
  #missed = 0;
  readonly #inbox: Inbox<T>;
  readonly #core: QueueCore<T>;
  /** Calls of `next()` that have not settled. */
  readonly #waits: Set<NextWait<T>> = new Set();
  readonly #left: (channel: Channel<T>) => void;

  constructor(taken: () => void, left: (channel: Channel<T>) => void) {
    this.#inbox = new Inbox(taken);
    this.#core = new QueueCore<T>(this, 0, this.#inbox);
    this.#left = left;
  }

  get missed(): number {
    return this.#missed;
  }

  get size(): number {
    return this.#inbox.size;
  }

  put(item: T, most: number): void {
    while (this.#inbox.size >= most) {
      this.#inbox.drop();
      this.#missed++;
    }
    this.#core.put(item);
  }

  end(immediate: boolean): void {
    this.#core.shutDown(immediate);
  }

  get(): Promise<T> {
    const core = this.#core;
    try {
      return core.store.size > 0 ? Promise.resolve(core.take()) : core.waitToGet();
    } catch (error) {
      return Promise.reject(error);
    }
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const core = this.#core;
    try {
      if (core.store.size > 0) return Promise.resolve({ value: core.take(), done: false });
      if (!core.isShutDown) return core.waitForNext(this.#waits);
      return Promise.resolve({ value: undefined, done: true });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.close();
    return Promise.resolve({ value: undefined, done: true });
  }

  close(): void {
    this.#core.shutDown(true);
    this.#left(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** `<Subscription #1 size=3>` */
  toString(): string {
    const missed = this.#missed > 0 ? ` missed=${this.#missed}` : "";
    const end = this.#core.isShutDown ? " closed" : "";
    return `<Subscription #${identityOf(this)} size=${this.#inbox.size}${missed}${end}>`;
  }

  static {
    showAs(this.prototype);
  }
}

staysInThread(
  "pass a function that publishes: toThread(work, (item) => broadcast.publish(item))",
  Broadcast,
);
staysInThread("iterate here, and pass what comes: toThread(work, item)", Channel);
