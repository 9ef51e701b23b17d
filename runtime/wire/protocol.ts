/**
 * What the two sides of a pool say to each other. A worker has one job at a time; the ids let late words be told apart from
 * the current ones.
 */

/** Where in a list of values a function stood, and the number under which the sender keeps it. */
export type FunctionPlace = readonly [path: readonly (string | number)[], id: number];

/** An error, taken apart so that it survives the way: structured clone keeps neither its class nor its fields. */
export interface EncodedError {
  /** Names of its class and those above it, nearest first. */
  readonly classes: readonly string[];
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly fields: readonly (readonly [name: string, value: EncodedValue])[];
  readonly cause: EncodedValue | null;
  /** Members of an AggregateError or ExceptionGroup. */
  readonly errors: readonly EncodedValue[] | null;
}

/** What was thrown: an error, or any other value. */
export type EncodedValue = { readonly error: EncodedError } | { readonly value: unknown };

/** Work for a worker: a function as source text, or an export of a module. */
export type Work =
  | { readonly source: string }
  | { readonly url: string; readonly name: string };

/**
 * - `call`: the function is called with the arguments.
 * - `chunk`: the only argument is a list of calls' arguments, and the result the list of what they return.
 * - `initializer`: a call that belongs to no job, so that what it sets is there for all of them.
 */
export type JobShape = "call" | "chunk" | "initializer";

export interface JobMessage {
  readonly kind: "job";
  readonly job: number;
  readonly work: Work;
  readonly shape: JobShape;
  readonly args: readonly unknown[];
  readonly functions: readonly FunctionPlace[];
  /** The caller's context variables, by name. */
  readonly values: readonly (readonly [name: string, value: unknown])[];
}

/** Words that must reach a worker which blocks in `result()`, too. */
export type UrgentMessage =
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly call: number; readonly error: EncodedValue }
  | { readonly kind: "cancel"; readonly job: number };

/** Asks a worker to end, which it does when all that it printed is written. */
export interface EndMessage {
  readonly kind: "end";
}

/** All that a worker can be told. */
export type PoolMessage = JobMessage | UrgentMessage | PokeMessage | EndMessage;

/** Tells a worker that does not block to look for urgent messages. */
export interface PokeMessage {
  readonly kind: "poke";
}

export type WorkerMessage =
  | { readonly kind: "done"; readonly job: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly job: number; readonly error: EncodedValue }
  /** A function that came with the job is called; `call` is 0 when no code waits for what it returns. */
  | {
    readonly kind: "call";
    readonly job: number;
    readonly fn: number;
    readonly call: number;
    readonly args: readonly unknown[];
  }
  | { readonly kind: "cancelCall"; readonly call: number }
  /** It was not caught in the worker. A fatal one ended the code that threw it, so the job may never settle. */
  | { readonly kind: "stray"; readonly error: EncodedValue; readonly fatal: boolean }
  /** Something that the job printed is still to be written, and until it is the process must not end. */
  | { readonly kind: "printing" }
  | { readonly kind: "printed" }
  /** It has heard that it is to end; then, that it has nothing left to do. */
  | { readonly kind: "ending" }
  | { readonly kind: "over" };
