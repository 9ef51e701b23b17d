import { AsyncLocalStorage, executionAsyncResource } from "node:async_hooks";
import { ContextCell, plainCell, threadCell } from "./context_cell.ts";
import { doomOf, type Frame, openScope, Scope } from "./scope.ts";
import { onNode } from "../base/platform.ts";
import { inheritedValues, threadSlot } from "../wire/worker_slot.ts";

/**
 * The frame of code outside tasks and callbacks, once a variable was set there. Its loop is found when it is needed. Its
 * values never change: a `set` enters a new frame, so what follows in this async context sees it and no other code does.
 */
interface PlainFrame {
  readonly scope: undefined;
  readonly cell: ContextCell;
  /** What tokens are compared by: the same for all frames that follow from one another. Inside `Context.run` it is `cell`. */
  readonly home: object;
}

/** What is current; undefined in plain code that has set nothing. */
export type AnyFrame = Frame | PlainFrame | undefined;

/**
 * The only ambient state: the scope in which code runs. It leads to the task, the loop and the context. Entering costs some
 * hundred nanoseconds on V8, so it is entered once per task or scope, never per callback whose scope is already current.
 */
const storage: AsyncLocalStorage<AnyFrame> = new AsyncLocalStorage();

let findPlainScope: () => Scope = () => {
  throw new Error("No event loop policy is registered");
};

/** The policy tells which loop serves code outside tasks and callbacks. */
export function providePlainScope(find: () => Scope): void {
  findPlainScope = find;
}

/** The scope of the running task or callback; undefined in plain code, and in what a loop that has ended left running. */
export function storedScope(): Scope | undefined {
  const scope = storage.getStore()?.scope;
  return scope !== undefined && scope.loop.over ? scopeAtWork(scope) : scope;
}

/** The scope in which code runs; in plain code that of the loop which serves it. */
export function currentScope(): Scope {
  const scope = storage.getStore()?.scope;
  if (scope === undefined) return findPlainScope();
  return scope.loop.over ? scopeAtWork(scope) ?? findPlainScope() : scope;
}

/** Aborts when what encloses the calling code is asked to end. */
export function signalHere(): AbortSignal {
  const scope = currentScope();
  return (scope.doomed ? scope : openScope(scope)).signal(true);
}

/** A task that its closed loop left undone has no other loop, and an abandoned body has its CancelledError to come. */
function scopeAtWork(scope: Scope): Scope | undefined {
  const undone = scope.task !== null && !scope.task.done();
  return undone || openScope(scope).tree.open > 0 || doomOf(scope, null) !== null
    ? scope
    : undefined;
}

/** A scope below the current one. In plain code it has a context of its own, or handlers would see each other's values. */
export function openChildScope(): Scope {
  const scope = storedScope();
  if (scope !== undefined) return Scope.childOf(scope);
  return Scope.childOf(findPlainScope(), runCell() ?? new ContextCell(storedCell().bindings));
}

/** The cell whose values code here sees. */
export function storedCell(): ContextCell {
  const frame = storage.getStore();
  return frame === undefined
    ? plainCell()
    : frame.scope === undefined
    ? frame.cell
    : frame.scope.cell;
}

/** The cell of the `Context.run` that plain code is in. */
function runCell(): ContextCell | null {
  const frame = storage.getStore();
  return frame !== undefined && frame.scope === undefined && frame.home === frame.cell
    ? frame.cell
    : null;
}

/** Of plain code: what its tokens are compared by; undefined where nothing was set yet. */
export function plainHome(): object | undefined {
  const frame = storage.getStore();
  if (frame === undefined) return moduleCell() ?? undefined;
  return frame.scope === undefined ? frame.home : frame.scope.cell;
}

/** Of a worker's modules: what they set while they are loaded is there for its jobs. */
function moduleCell(): ContextCell | null {
  if (threadSlot === undefined || storage.getStore() !== undefined) return null;
  return inheritedValues() === null ? threadCell : null;
}

/** Runs `fn(argument)` inside `scope`, its awaits included. */
export function runInScope<A, R>(scope: Scope, fn: (argument: A) => R, argument: A): R {
  return storage.run(scope.frame ??= { scope }, fn, argument);
}

/** Makes `scope` current for the rest of this microtask and what it awaits. */
export function enterScope(scope: Scope): void {
  storage.enterWith(scope.frame ??= { scope });
}

/** Runs `fn()` as plain code that sees, and changes, the values of `cell`. */
export function runInPlainCell<R>(cell: ContextCell, fn: () => R): R {
  return storage.run({ scope: undefined, cell, home: cell }, fn);
}

/** A cell for plain code to change: that of a `Context.run`, else a new one, current from here on in this async context. */
export function enterPlainCell(): ContextCell {
  const given = runCell() ?? moduleCell();
  if (given !== null) return given;
  const before = storage.getStore();
  const cell = new ContextCell(storedCell().bindings);
  const frame: PlainFrame = { scope: undefined, cell, home: plainHome() ?? {} };
  storage.enterWith(frame);
  if (resourcesCarryStores) confine(frame, before);
  return cell;
}

// ── what handles of the runtime take along

/** Enters a frame for what is called from outside; see {@linkcode outsideFrame}. */
export type OutsideFrame = PlainFrame | undefined;

/**
 * What a handler that the runtime will call (a server's) is to run in: plain code that sees the values of here and now, and
 * no line of the task that registered it.
 */
export function outsideFrame(): OutsideFrame {
  const frame = storage.getStore();
  if (frame === undefined) return undefined;
  const { bindings } = storedCell();
  if (bindings.size === 0) return undefined;
  return { scope: undefined, cell: new ContextCell(bindings), home: {} };
}

/** Whether any frame is current. */
export function hasFrame(): boolean {
  return storage.getStore() !== undefined;
}

/** Runs `fn()` in a frame that {@linkcode outsideFrame} gave. */
export function runOutside<R>(frame: OutsideFrame, fn: () => R): R {
  return storage.run(frame, fn);
}

/** The same for the rest of what the runtime calls now. Gives the frame that was current. */
export function enterOutside(frame: AnyFrame): AnyFrame {
  const before = storage.getStore();
  if (before !== frame) storage.enterWith(frame);
  return before;
}

// ── Node before 24

/**
 * There a store that is entered outside promises stays in the handle (a socket, an interval) whose callback entered it, and
 * the handle's next callback would see it: one request the values of another on the same connection. Node 24, Bun and Deno
 * take it back when the callback returns. Which of the two holds shows at the first use.
 */
let resourcesCarryStores: boolean = onNode;
/** Under which a resource holds the store. */
let storeKey: symbol | undefined;

type Resource = Record<symbol, unknown>;
/** The frames entered in the callback that runs now, with what was there before. */
let entered: { readonly resource: Resource; readonly frames: Map<unknown, unknown> } | null = null;

/** Takes the frame out of the resource again when the callback has returned; what it started has taken it along by then. */
function confine(frame: PlainFrame, before: unknown): void {
  const resource = executionAsyncResource() as Resource;
  storeKey ??= Object.getOwnPropertySymbols(resource).find((key) => resource[key] === frame);
  const key = storeKey;
  if (key === undefined) {
    resourcesCarryStores = false;
    return;
  }
  if (entered?.resource === resource) {
    entered.frames.set(frame, before);
    return;
  }
  const frames = new Map<unknown, unknown>([[frame, before]]);
  const mine = entered = { resource, frames };
  queueMicrotask(() => {
    if (entered === mine) entered = null;
    let store = resource[key];
    while (frames.has(store)) store = frames.get(store);
    resource[key] = store;
  });
}
