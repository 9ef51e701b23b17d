import assert from "node:assert/strict";
import { test } from "node:test";
import { type Delay, toSeconds } from "../../../runtime/base/durations.ts";

/** What a JavaScript caller may pass whatever the types say. */
function seconds(delay: unknown): number {
  return toSeconds(delay as Delay);
}

test("DUR-01: a number is seconds, kept as it is", () => {
  assert.deepEqual([1.5, 0, -2, 1e-9, Infinity, -Infinity].map(seconds), [
    1.5,
    0,
    -2,
    1e-9,
    Infinity,
    -Infinity,
  ]);
});

test("DUR-02: every unit of a duration object counts in seconds", () => {
  const units = {
    days: 86_400,
    hours: 3_600,
    minutes: 60,
    seconds: 1,
    milliseconds: 1e-3,
    microseconds: 1e-6,
    nanoseconds: 1e-9,
  };
  for (const [unit, expected] of Object.entries(units)) {
    assert.equal(seconds({ [unit]: 1 }), expected, unit);
  }
});

test("DUR-03: the fields of a duration add up, negative ones too", () => {
  assert.equal(toSeconds({ minutes: 1, seconds: 30, milliseconds: -500 }), 89.5);
});

test("DUR-04: milliseconds come out exact", () => {
  assert.deepEqual([toSeconds({ milliseconds: 250 }), toSeconds({ milliseconds: 3 })], [
    0.25,
    0.003,
  ]);
});

test("DUR-05: a field may be infinite", () => {
  assert.equal(toSeconds({ hours: Infinity }), Infinity);
});

test("DUR-06: NaN is a RangeError, as a number and as what fields add up to", () => {
  assert.throws(() => seconds(NaN), { name: "RangeError", message: /NaN/ });
  assert.throws(() => seconds({ seconds: NaN }), { name: "RangeError", message: /NaN/ });
  assert.throws(() => seconds({ hours: Infinity, days: -Infinity }), RangeError);
});

test("DUR-07: another type is a TypeError that shows what to write", () => {
  const wrong: [unknown, RegExp][] = [
    ["5", /received a string "5"/],
    [null, /received null/],
    [undefined, /received undefined/],
    [5n, /received a bigint 5n/],
    [true, /received a boolean/],
    [() => 1, /received a function/],
    [Symbol("s"), /received a symbol/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(() => seconds(value), { name: "TypeError", message });
    assert.throws(() => seconds(value), { name: "TypeError", message: /\{ milliseconds: 250 \}/ });
  }
});

test("DUR-08: an object without any unit is a TypeError", () => {
  for (const value of [{}, [], new Date(), new Map()]) {
    assert.throws(() => seconds(value), { name: "TypeError", message: /without any unit/ });
  }
});

test("DUR-09: an unknown field is a TypeError that names the field and the right ones", () => {
  assert.throws(() => seconds({ ms: 5 }), {
    name: "TypeError",
    message: /no field "ms".*days, hours, minutes, seconds, milliseconds/,
  });
  assert.throws(() => seconds({ seconds: 1, toString: 2 }), { message: /no field "toString"/ });
  assert.throws(() => seconds([1]), { name: "TypeError", message: /an array/ });
});

test("DUR-10: a field that is no number is a TypeError that names the field", () => {
  for (const amount of ["5", null, undefined, 5n]) {
    assert.throws(() => seconds({ seconds: amount }), {
      name: "TypeError",
      message: /its seconds must be a number/,
    });
  }
});

/** Not every runtime has Temporal: the same shape, getters on the prototype and the tag. */
class TemporalDuration {
  readonly #fields: Record<string, number>;
  constructor(fields: Record<string, number>) {
    this.#fields = fields;
  }
  static {
    const names = "years months weeks days hours minutes seconds milliseconds microseconds";
    for (const name of `${names} nanoseconds`.split(" ")) {
      const get = function (this: TemporalDuration): number {
        return this.#fields[name] ?? 0;
      };
      Object.defineProperty(this.prototype, name, { get });
    }
    Object.defineProperty(this.prototype, Symbol.toStringTag, { value: "Temporal.Duration" });
  }
}

test("DUR-11: a Temporal.Duration counts as an object with its fields", () => {
  assert.equal(seconds(new TemporalDuration({ minutes: 2, milliseconds: 500 })), 120.5);
  assert.equal(seconds(new TemporalDuration({})), 0);
});

test("DUR-12: a Temporal.Duration with calendar units is a RangeError", () => {
  assert.throws(() => seconds(new TemporalDuration({ months: 1 })), {
    name: "RangeError",
    message: /months/,
  });
});
