import { describeType } from "./format.ts";

/**
 * A duration: a number of seconds, as everywhere in asyncio, or an object that names its units. Zero or less means
 * "already due". Infinity never comes.
 *
 * @example Two ways to say a quarter of a second
 * ```ts
 * import assert from "node:assert/strict";
 * import { run, sleep } from "@asyncio/asyncio";
 *
 * await run(async () => {
 *   await sleep(0.25);
 *   const value = await sleep({ milliseconds: 250 }, "done");
 *   assert.equal(value, "done");
 * });
 * ```
 */
export type Delay = number | DurationLike;

/**
 * A duration by its units, in the shape of `Temporal.Duration`; the fields add up. A `Temporal.Duration` itself is
 * taken too, as long as it has no years, months or weeks.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { type DurationLike, timeout } from "@asyncio/asyncio";
 *
 * const patience: DurationLike = { minutes: 1, seconds: 30 };
 * assert.equal(await timeout(patience).with(() => "in time"), "in time");
 * ```
 */
export interface DurationLike {
  /** Days of 24 hours. */
  days?: number;
  /** Hours. */
  hours?: number;
  /** Minutes. */
  minutes?: number;
  /** Seconds. */
  seconds?: number;
  /** Thousandths of a second. */
  milliseconds?: number;
  /** Millionths of a second. */
  microseconds?: number;
  /** Billionths of a second. */
  nanoseconds?: number;
}

type Unit = keyof DurationLike;

/** One field in seconds. The small units divide, since 250 / 1000 is exact where 250 * 0.001 is not. */
const inSeconds: Readonly<Record<Unit, (amount: number) => number>> = {
  days: (amount) => amount * 86_400,
  hours: (amount) => amount * 3_600,
  minutes: (amount) => amount * 60,
  seconds: (amount) => amount,
  milliseconds: (amount) => amount / 1e3,
  microseconds: (amount) => amount / 1e6,
  nanoseconds: (amount) => amount / 1e9,
};
const units = Object.keys(inSeconds) as Unit[];

/** How an error about a delay begins. */
export const DELAY_ERROR = "Cannot use it as a delay: ";

/**
 * A {@link Delay} in seconds. Negative and infinite ones pass; what they mean is the caller's business, as is `null`.
 *
 * @throws {TypeError} if it is neither a number nor an object made of unit fields with numbers
 * @throws {RangeError} if it is not a number at all (NaN), or a `Temporal.Duration` with calendar units
 */
export function toSeconds(delay: Delay): number {
  if (typeof delay === "number") {
    if (delay !== delay) {
      throw new RangeError(`${DELAY_ERROR}it must be a number of seconds, received NaN`);
    }
    return delay;
  }
  return durationToSeconds(delay);
}

function durationToSeconds(duration: unknown): number {
  if (typeof duration !== "object" || duration === null) throw notADelay(duration);
  const isTemporal = Object.prototype.toString.call(duration) === "[object Temporal.Duration]";
  const fields = isTemporal ? temporalFields(duration) : Object.entries(duration);
  if (fields.length === 0) throw notADelay(duration);
  let seconds = 0;
  for (const [field, amount] of fields) {
    if (!Object.hasOwn(inSeconds, field)) {
      throw new TypeError(
        `${DELAY_ERROR}a duration has no field "${field}", received ${
          describeType(duration)
        }; the fields are ${units.join(", ")}`,
      );
    }
    if (typeof amount !== "number") {
      throw new TypeError(
        `${DELAY_ERROR}its ${field} must be a number, received ${describeType(amount)}`,
      );
    }
    seconds += inSeconds[field as Unit](amount);
  }
  if (seconds !== seconds) {
    throw new RangeError(`${DELAY_ERROR}its fields must add up to a number, received NaN`);
  }
  return seconds;
}

/** `Temporal.Duration` keeps its fields in getters of the prototype, where Object.entries does not look. */
function temporalFields(duration: object): [string, unknown][] {
  const read = (field: string): unknown => Reflect.get(duration, field);
  for (const field of ["years", "months", "weeks"]) {
    if (read(field) !== 0) {
      throw new RangeError(
        `${DELAY_ERROR}it must have a fixed length, received ${duration} with ${field}; use days and smaller units`,
      );
    }
  }
  return units.map((unit) => [unit, read(unit)]);
}

function notADelay(value: unknown): TypeError {
  const shown = typeof value === "string"
    ? ` "${value}"`
    : typeof value === "bigint"
    ? ` ${value}n`
    : "";
  return new TypeError(
    `${DELAY_ERROR}it must be a number of seconds or an object such as { milliseconds: 250 }, received ` +
      `${describeType(value)}${shown}${
        typeof value === "object" && value !== null
          ? " without any unit"
          : typeof value === "function"
          ? "; the delay comes first, callLater(delay, callback)"
          : ""
      }`,
  );
}
