import assert from "node:assert/strict";
import { test } from "node:test";
import { type ErrorMatch, ExceptionGroup, OSError } from "../../../runtime/errors/exceptions.ts";

const a = new TypeError("a");
const b = new RangeError("b");
const c = new TypeError("c");
const inner = new ExceptionGroup("inner", [b, c]);
const outer = new ExceptionGroup("outer", [a, inner]);

/** The shape of a group: its message, then its members. */
function shape(group: ExceptionGroup | null): unknown {
  if (group === null) return null;
  return [
    group.message,
    ...group.errors.map((error) =>
      error instanceof ExceptionGroup ? shape(error) : (error as Error).message
    ),
  ];
}

test("EG-01: a group is an AggregateError that holds a copy of the given errors", () => {
  const errors = [a, b];
  const group = new ExceptionGroup("two", errors);
  errors.push(c);
  assert.ok(group instanceof AggregateError);
  assert.deepEqual(group.errors, [a, b]);
  assert.deepEqual([...new ExceptionGroup("set", new Set([a])).errors], [a]);
});

test("EG-02: an empty group is a RangeError", () => {
  assert.throws(() => new ExceptionGroup("none", []), { name: "RangeError", message: /at least/ });
  assert.throws(() => outer.derive([]), RangeError);
});

test("EG-03: a message that is no string, or errors that can't be iterated, are TypeErrors", () => {
  assert.throws(() => new ExceptionGroup(5 as unknown as string, [a]), {
    name: "TypeError",
    message: /a number/,
  });
  assert.throws(() => new ExceptionGroup("m", a as unknown as []), TypeError);
});

test("EG-04: subgroup by class keeps the nesting and drops what does not match", () => {
  assert.deepEqual(shape(outer.subgroup(TypeError)), ["outer", "a", ["inner", "c"]]);
  assert.deepEqual(shape(outer.subgroup(RangeError)), ["outer", ["inner", "b"]]);
  assert.equal(outer.subgroup(OSError), null);
});

test("EG-05: subgroup by predicate asks each error", () => {
  const match = (error: unknown) =>
    (error as Error).message > "a" && !(error instanceof AggregateError);
  assert.deepEqual(shape(outer.subgroup(match)), ["outer", ["inner", "b", "c"]]);
});

test("EG-06: what matches as a whole is taken whole, and is the same object", () => {
  assert.equal(outer.subgroup(Error), outer);
  assert.equal(outer.subgroup(ExceptionGroup as ErrorMatch), outer);
  assert.deepEqual(outer.split(() => true), [outer, null]);
  const innerOnly = outer.subgroup((error) => error === inner);
  assert.equal(innerOnly?.errors[0], inner);
});

test("EG-07: the predicate is asked of groups too, from the outside in", () => {
  const asked: unknown[] = [];
  outer.split((error) => {
    asked.push(error);
    return false;
  });
  assert.deepEqual(asked, [outer, a, inner, b, c]);
});

test("EG-08: split puts each error on exactly one side", () => {
  const [types, rest] = outer.split(TypeError);
  assert.deepEqual(shape(types), ["outer", "a", ["inner", "c"]]);
  assert.deepEqual(shape(rest), ["outer", ["inner", "b"]]);
  assert.deepEqual(outer.split(OSError)[0], null);
  assert.deepEqual(shape(outer.split(OSError)[1]), shape(outer));
});

test("EG-09: parts carry the cause and the stack of their group", () => {
  const group = new ExceptionGroup("m", [a, b], { cause: c });
  const part = group.subgroup(TypeError);
  assert.equal(part?.cause, c);
  assert.equal(part?.stack, group.stack);
  assert.equal(Object.hasOwn(outer.subgroup(TypeError) ?? {}, "cause"), false);
});

test("EG-10: a subclass that overrides derive gets parts of its own class, at every level", () => {
  class Failures extends ExceptionGroup {
    readonly code: number;
    constructor(message: string, errors: Iterable<unknown>, code: number) {
      super(message, errors);
      this.code = code;
    }
    override derive(errors: Iterable<unknown>): Failures {
      return new Failures(this.message, errors, this.code);
    }
  }
  const group = new Failures("outer", [a, new Failures("inner", [b, c], 2)], 1);
  const part = group.subgroup(RangeError);
  const [nested] = part?.errors ?? [];
  assert.ok(part instanceof Failures && nested instanceof Failures);
  assert.deepEqual([part.code, nested.code], [1, 2]);
});

test("EG-11: leaves are all errors that are no groups, in order", () => {
  assert.deepEqual(outer.leaves(), [a, b, c]);
});

test("EG-12: an AggregateError that is no group is one error", () => {
  const foreign = new AggregateError([b], "foreign");
  const group = new ExceptionGroup("m", [foreign, a]);
  assert.deepEqual(group.leaves(), [foreign, a]);
  assert.equal(group.subgroup(RangeError), null);
  assert.deepEqual(group.subgroup(AggregateError), group);
});

test("EG-13: thrown values that are no errors are members like others", () => {
  const group = new ExceptionGroup<unknown>("m", ["text", null]);
  assert.deepEqual(group.subgroup((error) => error === null)?.errors, [null]);
  assert.equal(group.subgroup(TypeError), null);
});

test("EG-14: a group prints its message and how many it holds", () => {
  assert.equal(String(outer), "ExceptionGroup: outer (2 sub-exceptions)");
  assert.equal(String(new ExceptionGroup("one", [a])), "ExceptionGroup: one (1 sub-exception)");
});

test("EG-15: what is neither a class nor a function can't be matched with", () => {
  for (const match of ["TypeError", null, [TypeError]]) {
    assert.throws(() => outer.split(match as unknown as ErrorMatch), {
      name: "TypeError",
      message: /error class or a predicate/,
    });
  }
});

test("EG-16: a deep nesting comes apart and together again", () => {
  let group = new ExceptionGroup<unknown>("0", [a, b]);
  for (let depth = 1; depth < 500; depth++) group = new ExceptionGroup(`${depth}`, [group]);
  const [types, rest] = group.split(TypeError);
  assert.deepEqual([types?.leaves(), rest?.leaves()], [[a], [b]]);
});
