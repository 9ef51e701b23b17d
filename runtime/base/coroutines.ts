/**
 * Work that has not started: asyncio calls it, in the task it belongs to. Python's coroutine object; an async function with
 * no parameters is one.
 */
export type Coroutine<T> = () => T | PromiseLike<T>;

/** A coroutine (run as a new Task), a Future or Task, or any promise (which is already running). */
export type Awaitable<T> = Coroutine<T> | PromiseLike<T>;

/** What awaiting an {@linkcode Awaitable} gives. */
export type ResultOf<A> = A extends () => infer R ? Awaited<R> : Awaited<A>;
