/** Functions that the tests of this folder run in workers. */
import {
  CancelledError,
  ContextVar,
  createTask,
  currentThreadSignal,
  ExceptionGroup,
  getParentLoop,
  Lock,
  OSError,
  type RemoteFunction,
  type RemoteLoop,
  run,
  runCoroutineThreadsafe,
  sleep,
  TimeoutError,
  toThread,
  transfer,
} from "../../mod.ts";

export const notAFunction = 5;
const user = new ContextVar<unknown>("user", { default: "nobody" });

let calls = 0;

export function countCalls(): number {
  return ++calls;
}

export function add(a: number, b: number): number {
  return a + b;
}

export async function addSlowly(a: number, b: number): Promise<number> {
  await sleep(0.001);
  return a + b;
}

export function describe(options: { name: string; sizes: number[] }): string {
  return `${options.name}:${options.sizes.join("+")}`;
}

export function currentUser(): unknown {
  return user.get();
}

export function changeUser(): unknown {
  user.set("changed in the worker");
  return user.get();
}

/** Sets the variable, if it is given a value, in the way that is named, and gives what is read there. */
export async function setUser(way: string, name: string | null): Promise<unknown> {
  const setAndGet = () => {
    if (name !== null) user.set(name);
    return user.get();
  };
  if (way === "run") return await run(setAndGet);
  if (way === "task") return await createTask(setAndGet);
  if (way === "after an await") await sleep(0.001);
  return setAndGet();
}

/** Reads the variable when flag 1 is set, which is after this job has ended, and keeps what it read. */
export function readUserLater(flags: Int32Array): void {
  const look = () => {
    if (Atomics.load(flags, 1) === 0) setTimeout(look, 1);
    else {
      Reflect.set(globalThis, "readLater", [user.get(), currentThreadSignal() === null]);
      Atomics.store(flags, 0, 1);
    }
  };
  setTimeout(look, 1);
}

/** Lets what was left behind read while this job is at hand. */
export async function whatWasReadLater(flags: Int32Array): Promise<unknown> {
  Atomics.store(flags, 1, 1);
  while (Atomics.load(flags, 0) === 0) await sleep(0.001);
  return [user.get(), ...Reflect.get(globalThis, "readLater")];
}

export function currentUserInTask(): Promise<unknown> {
  return run(() => user.get());
}

export function makeLock(): unknown {
  return { lock: new Lock() };
}

export async function reportLock(report: RemoteFunction<[unknown], void>): Promise<void> {
  await report(new Lock());
}

export function sumBytes(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return sum;
}

export function makeBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(1);
  return transfer(bytes, [bytes.buffer]);
}

export class OddError extends Error {
  readonly size: number;
  readonly inner: Error;

  constructor(message: string, size: number) {
    super(message);
    this.size = size;
    this.inner = new RangeError("inner");
  }
}

export function fail(kind: string): never {
  if (kind === "type") throw new TypeError("wrong type");
  if (kind === "os") throw new OSError("taken", { code: "EADDRINUSE", syscall: "listen" });
  if (kind === "timeout") throw new TimeoutError("late", { cause: new CancelledError("why") });
  if (kind === "group") {
    throw new ExceptionGroup("several", [
      new TypeError("a"),
      new ExceptionGroup("nested", [new TimeoutError("b")]),
    ]);
  }
  if (kind === "odd") throw new OddError("odd", 7);
  if (kind === "abort") throw new DOMException("stop", "AbortError");
  // deno-lint-ignore no-throw-literal
  if (kind === "text") throw "only text";
  if (kind === "circle") {
    const error = new Error("circle");
    error.cause = error;
    throw error;
  }
  throw new Error(kind);
}

/** Spins until the caller is cancelled, and says how it learned of it. */
export function spinUntilCancelled(ready: Int32Array): string {
  const signal = currentThreadSignal()!;
  Atomics.store(ready, 0, 1);
  const end = Date.now() + 20_000;
  while (!signal.aborted) {
    if (Date.now() > end) return "never cancelled";
  }
  Atomics.store(ready, 1, 1);
  return "cancelled";
}

export async function waitUntilCancelled(flags: Int32Array): Promise<never> {
  const signal = currentThreadSignal()!;
  Atomics.store(flags, 0, 1);
  await new Promise<void>((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
  Atomics.store(flags, 1, signal.reason instanceof CancelledError ? 1 : 2);
  throw signal.reason;
}

export function ignoreCancellation(flags: Int32Array): never {
  Atomics.store(flags, 0, 1);
  while (Atomics.load(flags, 1) === 0) Atomics.wait(flags, 1, 0, 10);
  throw new RangeError("too late to matter");
}

export function hasParentLoop(): boolean {
  return getParentLoop() !== null && currentThreadSignal() !== null;
}

function parent(): RemoteLoop {
  return getParentLoop()!;
}

/** Blocks for each of the calls. */
export function callAndBlock(fn: (n: number) => Promise<number>, times: number): number[] {
  const results: number[] = [];
  for (let n = 0; n < times; n++) {
    results.push(runCoroutineThreadsafe(fn, parent(), n).result());
  }
  return results;
}

export function startAllThenBlock(fn: (n: number) => Promise<number>, times: number): number[] {
  const futures = Array.from(
    { length: times },
    (_, n) => runCoroutineThreadsafe(fn, parent(), n),
  );
  return futures.reverse().map((future) => future.result(10)).reverse();
}

export function blockWithTimeout(fn: () => Promise<unknown>): [string, boolean, boolean] {
  const future = runCoroutineThreadsafe(fn, parent());
  let thrown = "nothing";
  try {
    future.result(0.02);
  } catch (error) {
    thrown = error instanceof TimeoutError ? "TimeoutError" : String(error);
  }
  return [thrown, future.cancel(), future.cancelled()];
}

export function blockForError(fn: () => Promise<unknown>): [string, boolean, boolean] {
  const future = runCoroutineThreadsafe(fn, parent());
  const error = future.exception(10) as Error;
  return [error.message, error instanceof TimeoutError, future.done()];
}

export function blockForCancelled(fn: () => Promise<unknown>): [boolean, boolean] {
  const future = runCoroutineThreadsafe(fn, parent());
  try {
    future.result(10);
  } catch (error) {
    return [error instanceof CancelledError, future.cancelled()];
  }
  return [false, future.cancelled()];
}

export async function awaitFromWorkerTask(fn: (n: number) => Promise<number>): Promise<number> {
  return await run(async () => await runCoroutineThreadsafe(fn, parent(), 20));
}

export function postSoon(fn: (n: number) => void, times: number): void {
  for (let n = 0; n < times; n++) parent().callSoonThreadsafe(fn, n);
}

export function callLocalFunction(): string {
  try {
    runCoroutineThreadsafe(() => 5, parent());
  } catch (error) {
    return String(error);
  }
  return "nothing was thrown";
}

export function keepForLater(fn: RemoteFunction<[], void>): void {
  Reflect.set(globalThis, "kept", fn);
}

export async function callKept(): Promise<string> {
  const kept = Reflect.get(globalThis, "kept") as RemoteFunction<[], void>;
  try {
    await kept();
  } catch (error) {
    return String(error);
  }
  return "nothing was thrown";
}

export function nested(a: number, b: number): Promise<number> {
  return run(() => toThread((x: number, y: number) => x * y, a, b));
}

export async function waitForSignal(): Promise<string> {
  const signal = currentThreadSignal()!;
  if (!signal.aborted) {
    await new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  return "heard it";
}

/** Waits until flag 1 is set, calls, and sets it to 2 when the call was refused. */
export async function callWhenAllowed(
  flags: Int32Array,
  fn: RemoteFunction<[], number>,
): Promise<void> {
  Atomics.store(flags, 0, 1);
  while (Atomics.load(flags, 1) === 0) Atomics.wait(flags, 1, 0, 5);
  try {
    await fn();
  } catch {
    Atomics.store(flags, 1, 2);
  }
}
