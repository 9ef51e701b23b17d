/**
 * The messages between a pool and its workers. A worker has one job at a time; the ids distinguish late messages from current
 * ones.
 */

/** Where in a list of values a function was, and the number under which the sender keeps it. */
export type FunctionPlace = readonly [path: readonly (string | number)[], id: number];

/** A serialized error: structured clone keeps neither its class nor its fields. */
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

/** Messages that must also reach a worker which blocks in `result()`. */
export type UrgentMessage =
  | { readonly kind: "reply"; readonly call: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly call: number; readonly error: EncodedValue }
  | { readonly kind: "cancel"; readonly job: number };

/** Asks a worker to end, which it does when all its output is written. */
export interface EndMessage {
  readonly kind: "end";
}

/** All that a pool sends to a worker. */
export type PoolMessage = JobMessage | UrgentMessage | PokeMessage | EndMessage;

/** Makes a worker that does not block look for urgent messages. */
export interface PokeMessage {
  readonly kind: "poke";
}

export type WorkerMessage =
  | { readonly kind: "done"; readonly job: number; readonly value: unknown }
  | { readonly kind: "failed"; readonly job: number; readonly error: EncodedValue }
  /** A function that came with the job is called; `call` is 0 when the result is not wanted. */
  | {
    readonly kind: "call";
    readonly job: number;
    readonly fn: number;
    readonly call: number;
    readonly args: readonly unknown[];
  }
  | { readonly kind: "cancelCall"; readonly call: number }
  /** An error was left uncaught in the worker. A fatal one ended the code that threw it, so the job may never settle. */
  | { readonly kind: "stray"; readonly error: EncodedValue; readonly fatal: boolean }
  /** Output of the job is not yet written, and until it is the process must not end. */
  | { readonly kind: "printing" }
  | { readonly kind: "printed" }
  /** The answers to "end": at once, and when all output is written. */
  | { readonly kind: "ending" }
  | { readonly kind: "over" };
