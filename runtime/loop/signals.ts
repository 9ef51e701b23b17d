import type { EventLoop } from "../../loop_interface.ts";
import { core, type LoopCore, type LoopResource, LoopState } from "../core/loop_core.ts";
import { captureAsyncContext } from "../base/async_context.ts";
import { copyContext } from "../core/context.ts";
import { currentScope } from "../core/frame.ts";
import type { Scope } from "../core/scope.ts";
import { Wait } from "../core/wait.ts";
import { describeType } from "../base/format.ts";
import { isMainThread, onDeno, onSignal } from "../base/platform.ts";
import { RuntimeError } from "../errors/exceptions.ts";
import { overrideInterrupts } from "./interrupts.ts";
import { type Signal, signalName, signalNumber } from "../base/signal_names.ts";

/** From here on the numbers are those of real-time signals, for which no runtime can listen. */
const REAL_TIME_FIRST = 32;

/**
 * `loop.addSignalHandler`: calls `callback(...args)` from the loop whenever the signal comes, in a copy of this call's context.
 * A handler that was there before is replaced. It never keeps the process alive, and goes with the loop.
 *
 * @throws {TypeError} if the callback is not a function, or the signal not a string
 * @throws {RangeError} if the platform has no such signal
 * @throws {RuntimeError} if the signal can't be caught, in this thread or at all, or the loop is closed
 */
export function addSignalHandler<A extends unknown[]>(
  loop: EventLoop,
  signal: Signal,
  callback: (...args: A) => unknown,
  ...args: A
): void {
  if (typeof callback !== "function") {
    throw new TypeError(
      `Cannot call addSignalHandler(): the handler must be a function, received ${
        describeType(callback)
      }; write loop.addSignalHandler("SIGTERM", () => task.cancel())`,
    );
  }
  const number = signalNumber(signal);
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
  const context = copyContext();
  const enter = captureAsyncContext();
  registry.of(loop[core]).set(number, () => {
    // A copy each time: an async handler may still run when the next signal comes.
    enter(() => loop.callSoon(context.copy().bind(callback), ...args), undefined);
  });
}

/**
 * `loop.removeSignalHandler`: false when there was no handler. With the process's last handler for it, the signal's default
 * action is back.
 *
 * @throws {TypeError | RangeError} as `addSignalHandler`
 */
export function removeSignalHandler(loop: EventLoop, signal: Signal): boolean {
  const number = signalNumber(signal);
  return registry.peek(loop[core])?.remove(number) ?? false;
}

const registry: LoopState<SignalHandlers> = new LoopState((loop) => new SignalHandlers(loop));

interface Registration {
  deliver: () => void;
  readonly stop: () => void;
}

/** A loop's handlers. Invariant: one listener of the runtime for each signal in the map, and none else. */
class SignalHandlers implements LoopResource {
  readonly #loop: LoopCore;
  readonly #handlers: Map<number, Registration> = new Map();

  constructor(loop: LoopCore) {
    this.#loop = loop;
  }

  set(number: number, deliver: () => void): void {
    const old = this.#handlers.get(number);
    if (old !== undefined) {
      old.deliver = deliver;
      return;
    }
    const registration: Registration = {
      deliver,
      stop: listen(number, () => registration.deliver()),
    };
    this.#handlers.set(number, registration);
    this.#loop.resources.add(this);
  }

  remove(number: number): boolean {
    const registration = this.#handlers.get(number);
    if (registration === undefined) return false;
    this.#handlers.delete(number);
    registration.stop();
    if (this.#handlers.size === 0) this.#loop.resources.delete(this);
    return true;
  }

  closeWithLoop(): void {
    for (const number of [...this.#handlers.keys()]) this.remove(number);
  }
}

function listen(number: number, listener: () => void): () => void {
  const name = signalName(number);
  if (name === "SIGKILL" || name === "SIGSTOP" || number >= REAL_TIME_FIRST) {
    throw new RuntimeError(`sig ${name} cannot be caught`);
  }
  // The loop's own handler takes the place of the runner's, which would ask the main task to end.
  const giveBack = overrideInterrupts(name);
  try {
    const stop = listenForSignal(name, listener);
    return () => {
      stop();
      giveBack();
    };
  } catch (error) {
    giveBack();
    throw new RuntimeError(`sig ${name} cannot be caught: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/**
 * Calls the listener whenever the signal comes, between two macrotasks, until the returned function is called; the signal's
 * default action is back then, if there is no other listener. A listener never keeps the process alive.
 *
 * @param name the signal's usual name
 * @throws the runtime's error when it can't listen for this signal, or not in this thread
 */
function listenForSignal(name: string, listener: () => void): () => void {
  // In a worker Node and Bun take the listener in silence and never call it.
  if (!onDeno && !isMainThread()) throw new Error("signals come to the main thread only");
  return onSignal(name, listener);
}

// ── signalsReceived

/** The wait for the next signal. */
class SignalWait extends Wait<IteratorResult<string, undefined>> {
  readonly #receiver: SignalReceiver;

  constructor(receiver: SignalReceiver, scope: Scope) {
    super(scope);
    this.#receiver = receiver;
  }

  override describe(): string {
    return "the next signal of signalsReceived()";
  }

  protected onWake(): IteratorResult<string, undefined> {
    return this.#receiver.take(this);
  }

  protected override onCancel(): void {
    this.#receiver.stop();
  }
}

/** Listens until it is left, cancelled, or its loop ends. */
class SignalReceiver implements AsyncIterableIterator<string, undefined, unknown>, LoopResource {
  readonly #loop: LoopCore;
  readonly #stops: (() => void)[] = [];
  /** What came and was not taken; the same signal once. */
  readonly #pending: Set<string> = new Set();
  readonly #waits: Set<SignalWait> = new Set();
  /** Woken waits that have not taken their signal yet. */
  #promised = 0;
  #over = false;

  constructor(loop: LoopCore, signals: readonly string[]) {
    this.#loop = loop;
    try {
      for (const signal of new Set(signals)) {
        this.#stops.push(listen(signalNumber(signal), () => this.#arrived(signal)));
      }
    } catch (error) {
      this.stop();
      throw error;
    }
    loop.resources.add(this);
  }

  next(): Promise<IteratorResult<string, undefined>> {
    if (this.#over) return Promise.resolve({ value: undefined, done: true });
    if (this.#pending.size > this.#promised) return Promise.resolve(this.#shift());
    const wait = new SignalWait(this, currentScope());
    if (wait.pending) this.#waits.add(wait);
    return wait.promise;
  }

  return(): Promise<IteratorResult<string, undefined>> {
    this.stop();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  closeWithLoop(): void {
    this.stop();
  }

  take(wait: SignalWait): IteratorResult<string, undefined> {
    this.#waits.delete(wait);
    if (this.#over) return { value: undefined, done: true };
    this.#promised--;
    return this.#shift();
  }

  stop(): void {
    this.#over = true;
    for (const stop of this.#stops.splice(0)) stop();
    this.#loop.resources.delete(this);
    for (const wait of this.#waits) wait.wake();
  }

  #arrived(signal: string): void {
    this.#pending.add(signal);
    for (const wait of this.#waits) {
      if (this.#pending.size <= this.#promised) return;
      if (wait.wake()) this.#promised++;
    }
  }

  #shift(): IteratorResult<string, undefined> {
    const [signal] = this.#pending as Set<string>;
    this.#pending.delete(signal!);
    return { value: signal!, done: false };
  }
}

/**
 * The signals of the process as they come, from this call until the loop over them is left or cancelled, or the event loop
 * ends. They do not end the process meanwhile, nor do they cancel the run.
 *
 * - The same signal that comes several times before it is taken comes once, as the operating system itself has it.
 * - Several receivers get each signal.
 *
 * trio: `trio.open_signal_receiver`, anyio: `anyio.open_signal_receiver`
 *
 * @throws {TypeError} if no signal is given, or one is not a string
 * @throws {RangeError} if the platform has no such signal
 * @throws {RuntimeError} if a signal can't be caught, in this thread or at all
 *
 * @example
 * ```ts
 * import process from "node:process";
 * import assert from "node:assert/strict";
 * import { run, signalsReceived } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   const signals = signalsReceived("SIGUSR2");
 *   process.kill(process.pid, "SIGUSR2");
 *   for await (const signal of signals) {
 *     assert.equal(signal, "SIGUSR2");
 *     break;
 *   }
 * });
 * ```
 */
export function signalsReceived(...signals: Signal[]): AsyncIterableIterator<string> {
  if (signals.length === 0) {
    throw new TypeError(
      'Cannot receive signals: at least one must be named, received none; write signalsReceived("SIGHUP")',
    );
  }
  const loop = currentScope().loop as LoopCore;
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
  return new SignalReceiver(loop, signals);
}
