import { describeType, nameError } from "../base/format.ts";

/**
 * What an error is matched with: a class that derives from Error (or Error itself), or a predicate. It is asked of the
 * groups too, from the outside in: one that matches is taken whole.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type ErrorMatch, ExceptionGroup } from "@asyncio/asyncio";
 *
 * const byClass: ErrorMatch = TypeError;
 * const byTest: ErrorMatch = (error) => error === "thrown text";
 * const group = new ExceptionGroup("two", [new TypeError("a"), "thrown text"]);
 * assert.equal(group.subgroup(byClass)?.errors.length, 1);
 * assert.deepEqual(group.subgroup(byTest)?.errors, ["thrown text"]);
 * ```
 */
export type ErrorMatch = (new (...args: never[]) => Error) | ((error: unknown) => boolean);

/**
 * Several errors at once (Python's `ExceptionGroup`): what a TaskGroup rejects with when its tasks fail. `errors` holds
 * them in order; a member may be a group itself. It is an `AggregateError`, so tools that know those print all members.
 *
 * - `split` is the place of Python's `except*`: the part you handle, and the rest to throw on.
 * - Parts keep the nesting, the message, the cause and the stack of the group they come from.
 * - A subclass that wants its parts to be of its own class overrides `derive`.
 * - An AggregateError that is not an ExceptionGroup counts as one error, not as a group.
 *
 * @example Handle one kind of failure and pass on the others
 * ```ts
 * import assert from "node:assert/strict";
 * import { ExceptionGroup } from "@asyncio/asyncio";
 *
 * const group = new ExceptionGroup("uploads failed", [
 *   new RangeError("too large"),
 *   new ExceptionGroup("mirror", [new TypeError("no name"), new RangeError("too small")]),
 * ]);
 * const [sizes, rest] = group.split(RangeError);
 * assert.deepEqual(sizes?.leaves().map((error) => (error as Error).message), ["too large", "too small"]);
 * assert.equal(String(rest), "ExceptionGroup: uploads failed (1 sub-exception)");
 * ```
 */
export class ExceptionGroup<E = unknown> extends AggregateError {
  static {
    nameError(this, "ExceptionGroup");
  }

  /** The members, in order, nested groups included. */
  declare readonly errors: E[];

  /**
   * A group of the given errors, copied.
   *
   * @param message what failed as a whole
   * @param errors at least one
   * @param options `cause`, as for every error
   * @throws {RangeError} if there are no errors
   * @throws {TypeError} if the message is not a string, or the errors can't be iterated
   */
  constructor(message: string, errors: Iterable<E>, options?: ErrorOptions) {
    if (typeof message !== "string") {
      throw new TypeError(
        `Cannot make ExceptionGroup: its message must be a string, received ${
          describeType(message)
        }; write new ExceptionGroup("what failed", errors)`,
      );
    }
    if (typeof errors?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        `Cannot make ExceptionGroup: its errors must be iterable, received ${
          describeType(errors)
        }; write new ExceptionGroup("what failed", [error])`,
      );
    }
    const members = [...errors];
    if (members.length === 0) {
      throw new RangeError(
        "Cannot make ExceptionGroup: it must hold at least one error, received none",
      );
    }
    super(members, message, options);
  }

  /**
   * The part whose errors match, with the nesting kept; null when none does. A group that matches as a whole is
   * returned itself.
   *
   * @throws {TypeError} if `match` is neither a class nor a function
   */
  subgroup(match: ErrorMatch): ExceptionGroup | null {
    return this.#split(toPredicate(match))[0];
  }

  /**
   * `[matching, rest]`: each error is in exactly one of the two, with the nesting kept; a side without errors is null.
   *
   * @throws {TypeError} if `match` is neither a class nor a function
   */
  split(match: ErrorMatch): [ExceptionGroup | null, ExceptionGroup | null] {
    return this.#split(toPredicate(match));
  }

  /**
   * A group of the same kind and message around other errors. `subgroup` and `split` make their parts with it and then
   * carry over cause and stack.
   *
   * @throws {RangeError} if there are no errors
   */
  derive(errors: Iterable<E>): ExceptionGroup<E> {
    return new ExceptionGroup(this.message, errors);
  }

  /** All errors that are no groups, flattened, in order. */
  leaves(): E[] {
    const found: E[] = [];
    for (const error of this.errors) {
      if (error instanceof ExceptionGroup) found.push(...error.leaves());
      else found.push(error);
    }
    return found;
  }

  /** "ExceptionGroup: message (2 sub-exceptions)". */
  override toString(): string {
    const count = this.errors.length;
    return `${super.toString()} (${count} sub-exception${count === 1 ? "" : "s"})`;
  }

  #split(matches: (error: unknown) => boolean): [ExceptionGroup | null, ExceptionGroup | null] {
    if (matches(this)) return [this, null];
    const matching: E[] = [];
    const rest: E[] = [];
    for (const error of this.errors) {
      if (error instanceof ExceptionGroup) {
        const [inside, outside] = error.#split(matches) as [E | null, E | null];
        if (inside !== null) matching.push(inside);
        if (outside !== null) rest.push(outside);
      } else if (matches(error)) matching.push(error);
      else rest.push(error);
    }
    return [this.#part(matching), this.#part(rest)];
  }

  #part(errors: E[]): ExceptionGroup | null {
    if (errors.length === 0) return null;
    const part = this.derive(errors);
    if (Object.hasOwn(this, "cause")) {
      Object.defineProperty(part, "cause", {
        value: this.cause,
        configurable: true,
        enumerable: false,
        writable: true,
      });
    }
    // Where the errors met is what a reader looks for, not the line that took them apart.
    if (this.stack !== undefined) part.stack = this.stack;
    return part;
  }
}

function toPredicate(match: ErrorMatch): (error: unknown) => boolean {
  if (typeof match !== "function") {
    throw new TypeError(
      `Cannot match errors: an error class or a predicate is needed, received ${
        describeType(match)
      }`,
    );
  }
  if (isErrorClass(match)) return (error) => error instanceof match;
  return match as (error: unknown) => boolean;
}

function isErrorClass(match: ErrorMatch): match is new (...args: never[]) => Error {
  const prototype: unknown = match.prototype;
  return prototype === Error.prototype || prototype instanceof Error;
}
