import { isThenable } from "../base/functions.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { isCancelled } from "../core/cancelled.ts";
import { Waiter } from "../core/wait.ts";
import { addEntry, cancelledErrorOf, type Future } from "../tasks/future.ts";
import { InternalCallback } from "../tasks/handles.ts";
import type { Task } from "../tasks/task.ts";

/** What lazily read sources may be. */
export type Source<T> = Iterable<T> | AsyncIterable<T>;

/** The iterator of a source, whichever kind it is. A generator that is async comes first, as in `for await`. */
export function iteratorOf<T>(source: Source<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

/** What a {@linkcode SourceReader} serves. */
export interface ReaderOwner<T> {
  /** Whether another item may be begun now. */
  readonly hasRoom: boolean;
  begin(item: T, index: number): void;
  /** The source has no more items, or failed, or the reading was cancelled. */
  readingEnded(failure: { readonly error: unknown } | null): void;
}

/**
 * Reads a source item by item, as long as its owner has room. It is a task of its own, so that the reading ends with all other
 * tasks, and so that the waits of a source (an async generator's `sleep`) can be cancelled.
 */
export class SourceReader<T> {
  readonly task: Task<void>;
  readonly #source: Source<T>;
  readonly #owner: ReaderOwner<T>;
  readonly #what: string;
  #pause: Waiter<void> | null = null;
  #stopped = false;
  #ended = false;

  /** @param what names it, for tasks and reports: "map()" */
  constructor(source: Source<T>, owner: ReaderOwner<T>, loop: EventLoop, what: string) {
    this.#source = source;
    this.#owner = owner;
    this.#what = what;
    this.task = loop.createTask(() => this.#run(), { name: `source of ${what}` }) as Task<void>;
    const task = this.task as Future<unknown>;
    // One that is cancelled before its start never runs.
    addEntry(task, new InternalCallback(task, () => this.#end({ error: cancelledErrorOf(task) })));
  }

  /** There may be room again. */
  more(): void {
    if (this.#pause === null || !this.#owner.hasRoom) return;
    this.#pause.wakeWith(undefined);
    this.#pause = null;
  }

  /** Reads no more; the source is closed by its `return()`. */
  stop(message?: string): void {
    this.#stopped = true;
    if (!this.task.done()) this.task.cancel(message);
  }

  async #run(): Promise<void> {
    let failure: { error: unknown } | null = null;
    try {
      await this.#read();
    } catch (error) {
      failure = { error };
    }
    this.#end(failure);
    // A canceller sees that it has ended as asked; any other error the owner has got.
    if (failure !== null && isCancelled(failure.error)) throw failure.error;
  }

  #end(failure: { readonly error: unknown } | null): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#owner.readingEnded(failure);
  }

  async #read(): Promise<void> {
    const iterator = iteratorOf(this.#source);
    let ended = false;
    try {
      for (let index = 0; !this.#stopped; index++) {
        if (!this.#owner.hasRoom) await this.#room();
        let step: unknown;
        try {
          step = iterator.next();
          if (isThenable(step)) step = await step;
        } catch (error) {
          // A source that throws has ended.
          ended = true;
          throw error;
        }
        const { done, value } = step as IteratorResult<T>;
        if (done === true) {
          ended = true;
          return;
        }
        this.#owner.begin(value, index);
      }
    } finally {
      if (!ended) await iterator.return?.();
    }
  }

  async #room(): Promise<void> {
    do {
      const pause = this.#pause = new Waiter<void>(`room in ${this.#what}`);
      await pause.promise;
    } while (!this.#owner.hasRoom);
  }
}
