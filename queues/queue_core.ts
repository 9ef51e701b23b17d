import { ignore } from "../runtime/base/functions.ts";
import {
  CancelledError,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
} from "../runtime/errors/exceptions.ts";
import { currentScope } from "../runtime/core/frame.ts";
import type { Scope } from "../runtime/core/scope.ts";
import { LoopBinding, QueuedWait, SignalWait, WaitList } from "../sync/wait_list.ts";
import type { Store } from "./stores.ts";

/**
 * The state of a queue, apart from its public object, so that blocked getters and putters finish their hand-over inside
 * their own wake-up.
 *
 * - A waiter that is woken has left the waiting line. If another taker was quicker it joins again, at the end (Q-26: a getter
 *   that comes too late waits again, behind the others).
 * - A woken getter or putter that is cancelled passes the wake-up on, if there is still an item or a slot, so that no
 *   item stays while another getter waits, and no slot while another putter does.
 */
export class QueueCore<T> {
  readonly maxsize: number;
  store: Store<T>;
  readonly publicObject: object;
  readonly getters: WaitList = new WaitList();
  readonly putters: WaitList = new WaitList();
  readonly joiners: WaitList = new WaitList();
  /** Items that were put and for which `taskDone()` was not called. */
  unfinished = 0;
  isShutDown = false;
  readonly #binding: LoopBinding = new LoopBinding();

  constructor(publicObject: object, maxsize: number, store: Store<T>) {
    this.publicObject = publicObject;
    this.maxsize = maxsize;
    this.store = store;
  }

  get full(): boolean {
    return this.maxsize > 0 && this.store.size >= this.maxsize;
  }

  put(item: T): void {
    if (this.isShutDown) throw new QueueShutDown(`Cannot put: ${this.publicObject} is shut down`);
    if (this.full) throw this.#fullError();
    this.store.put(item);
    this.unfinished++;
    if (this.getters.length > 0) this.getters.wakeOneAndRemove();
  }

  take(): T {
    if (this.store.size === 0) {
      if (this.isShutDown) throw this.shutDownError();
      throw new QueueEmpty("Cannot get: the queue is empty, await get() to wait for an item");
    }
    const item = this.store.take();
    if (this.putters.length > 0) this.putters.wakeOneAndRemove();
    return item;
  }

  #fullError(): QueueFull {
    return new QueueFull(
      `Cannot put: the queue holds ${this.store.size} of ${this.maxsize} items, await put() to wait for room`,
    );
  }

  shutDownError(): QueueShutDown {
    return new QueueShutDown(`Cannot get: ${this.publicObject} is shut down`);
  }

  /** Joins the line of putters, where the queue is full. */
  waitToPut(item: T): Promise<void> {
    if (this.isShutDown) throw new QueueShutDown(`Cannot put: ${this.publicObject} is shut down`);
    this.store.check?.(item);
    return this.putters.add(new PutWait(this, this.#enter(), item));
  }

  /** Joins the line of getters, where the queue is empty. */
  waitToGet(): Promise<T> {
    if (this.isShutDown) throw this.shutDownError();
    return this.getters.add(new GetWait(this, this.#enter()));
  }

  /** Like `waitToGet`, for an iterator, which keeps its waits in `open`. */
  waitForNext(open: Set<NextWait<T>>): Promise<IteratorResult<T, undefined>> {
    return this.getters.add(new NextWait(this, this.#enter(), open));
  }

  waitUntilDone(): Promise<void> {
    const describe = () => `${this.publicObject}.join()`;
    return this.joiners.add(new SignalWait<void>(this.#enter(), undefined, describe));
  }

  taskDone(): void {
    if (this.unfinished <= 0) throw new RangeError("task_done() called too many times");
    if (--this.unfinished === 0) this.joiners.wake(Infinity);
  }

  shutDown(immediate: boolean): void {
    this.isShutDown = true;
    if (immediate) {
      this.unfinished = Math.max(0, this.unfinished - this.store.size);
      this.store.clear();
      if (this.unfinished === 0) this.joiners.wake(Infinity);
    }
    // All waiters look again; those that find nothing leave with an error.
    while (this.getters.wakeOneAndRemove());
    while (this.putters.wakeOneAndRemove());
  }

  #enter(): Scope {
    const scope = currentScope();
    this.#binding.enter(scope.loop, this.publicObject);
    return scope;
  }
}

/** For waits that joined their line again: the promise that the first wait gave out. Not a field, as they are rare. */
const firsts: WeakMap<object, Promise<unknown>> = new WeakMap();

/** A waiter in one of the lines. */
abstract class LineWait<T, R> extends QueuedWait<R> {
  protected readonly core: QueueCore<T>;

  constructor(core: QueueCore<T>, scope: Scope) {
    super(scope);
    this.core = core;
  }

  override get handedOut(): Promise<unknown> {
    return firsts.get(this) ?? this.promise;
  }

  override standsFor(promise: Promise<unknown>): boolean {
    return promise === this.handedOut;
  }

  /** Joins the line again and settles with what comes of that. */
  protected followed(line: WaitList, wait: LineWait<T, R>): R {
    firsts.set(wait, this.handedOut);
    const promise = line.add(wait);
    // If this promise was dropped, the other's cancellation must not become an unhandled rejection.
    promise.then(undefined, (error) => {
      if (error instanceof CancelledError) this.promise.then(undefined, ignore);
    });
    // A promise is settled with a promise by following it.
    return promise as R;
  }
}

/** Takes an item at its wake-up, and hands it over in the form its caller wants. */
abstract class TakeWait<T, R> extends LineWait<T, R> {
  override describe(): string {
    return `${this.core.publicObject}.get()`;
  }

  protected abstract deliver(item: T): R;
  protected abstract end(): R;
  protected abstract again(): LineWait<T, R>;

  protected onWake(): R {
    const { core } = this;
    if (core.store.size > 0) return this.deliver(core.take());
    if (core.isShutDown) return this.end();
    return this.followed(core.getters, this.again());
  }

  protected override onCancel(_error: CancelledError): void {
    this.leave();
    if (this.woken) this.passOn();
  }

  protected passOn(): void {
    const { core } = this;
    if (core.store.size > 0) core.getters.wakeOneAndRemove();
  }
}

class GetWait<T> extends TakeWait<T, T> {
  protected deliver(item: T): T {
    return item;
  }

  protected end(): T {
    throw this.core.shutDownError();
  }

  protected again(): LineWait<T, T> {
    return new GetWait(this.core, this.scope);
  }
}

export class NextWait<T> extends TakeWait<T, IteratorResult<T, undefined>> {
  readonly #open: Set<NextWait<T>>;
  /** The program has left the iterator; an item that it had been woken for goes to the next getter. */
  #left: "no" | "unwoken" | "woken" = "no";

  constructor(core: QueueCore<T>, scope: Scope, open: Set<NextWait<T>>) {
    super(core, scope);
    this.#open = open;
    if (this.pending || this.cancelled) open.add(this);
  }

  /** Settles it as done, without an item. */
  endEarly(): void {
    if (this.pending) {
      this.#left = "unwoken";
      this.leave();
      this.wake();
    } else if (!this.cancelled) this.#left = "woken";
  }

  protected override onWake(): IteratorResult<T, undefined> {
    this.#open.delete(this);
    if (this.#left === "no") return super.onWake();
    if (this.#left === "woken") this.passOn();
    return this.end();
  }

  protected override onCancel(error: CancelledError): void {
    this.#open.delete(this);
    if (this.#left === "unwoken") this.leave();
    else super.onCancel(error);
  }

  protected deliver(item: T): IteratorResult<T, undefined> {
    return { value: item, done: false };
  }

  protected end(): IteratorResult<T, undefined> {
    return { value: undefined, done: true };
  }

  protected again(): LineWait<T, IteratorResult<T, undefined>> {
    return new NextWait(this.core, this.scope, this.#open);
  }
}

/** Puts its item at its wake-up. */
class PutWait<T> extends LineWait<T, void> {
  readonly #item: T;

  constructor(core: QueueCore<T>, scope: Scope, item: T) {
    super(core, scope);
    this.#item = item;
  }

  override describe(): string {
    return `${this.core.publicObject}.put()`;
  }

  protected onWake(): void {
    const { core } = this;
    if (core.full && !core.isShutDown) {
      return this.followed(core.putters, new PutWait(core, this.scope, this.#item));
    }
    try {
      core.put(this.#item);
    } catch (error) {
      // Items that came while it waited left no place for this one in their order; the slot is the next putter's.
      this.#passOn();
      throw error;
    }
  }

  protected override onCancel(_error: CancelledError): void {
    this.leave();
    if (this.woken) this.#passOn();
  }

  #passOn(): void {
    if (!this.core.full) this.core.putters.wakeOneAndRemove();
  }
}

/**
 * Iterates over a queue. Written out because an async generator would await items that are promises, and would keep a
 * second `next()` waiting for the first.
 */
export class QueueIterator<T> implements AsyncIterableIterator<T, undefined, unknown> {
  readonly #core: QueueCore<T>;
  /** The waits whose `next()` has not settled. */
  readonly #waits: Set<NextWait<T>> = new Set();
  #ended = false;

  constructor(core: QueueCore<T>) {
    this.#core = core;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    const core = this.#core;
    try {
      if (!this.#ended) {
        if (core.store.size > 0) return Promise.resolve({ value: core.take(), done: false });
        if (!core.isShutDown) return core.waitForNext(this.#waits);
      }
      return Promise.resolve({ value: undefined, done: true });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Called when the program leaves the loop; the queue keeps its items, and a `next()` that waits for one is done. */
  return(): Promise<IteratorResult<T, undefined>> {
    this.#ended = true;
    for (const wait of [...this.#waits]) wait.endEarly();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
