import { callOf, isThenable, notOptions } from "./functions.ts";
import { describeType } from "./format.ts";
import { type Delay, DELAY_ERROR, toSeconds } from "./durations.ts";

/** What an option takes. `T` is its type, to the letter: a kind of a wider or a narrower type does not compile. */
export interface Kind<T> {
  /** For error texts: "a whole number". */
  readonly wanted: string;
  /** Whether a value is of the type. */
  readonly accepts: (value: unknown) => boolean;
  /** Refuses values of the right type that make no sense. */
  readonly verify?: (value: unknown, name: string, what: string) => void;
  /** Taken, but not told: asyncio has the option, and only its default makes sense here. */
  readonly untold?: true;
  /** Never there; it ties the kind to its type. */
  readonly type?: (value: T) => T;
}

/** One kind for each option of `O`: a missing or a superfluous one does not compile. */
export type Kinds<O> = { readonly [K in keyof O]-?: Kind<Exclude<O[K], undefined>> };

/** The type as the place of the call says it: inferred from the kinds, it would let superfluous ones pass. */
type Said<O> = [O][O extends unknown ? 0 : never];

/** What to write in the place of a name that another library has, and this one has not. */
export type Instead = Readonly<Record<string, string>>;

/** The options of a function or class, described once for its types and for its checks. */
export interface OptionsOf<O> {
  /**
   * Refuses what JavaScript would ignore: what is not an options object, an option that does not exist, one with a value of the
   * wrong type. An option that is undefined counts as absent.
   *
   * @param what whose options they are, for error texts: "gather()", "Runner"
   * @throws {TypeError} for all of that
   * @throws {RangeError} for a value that makes no sense
   */
  check(options: unknown, what: string): void;
  /** The kinds themselves, for options that take in others. */
  readonly kinds: Kinds<O>;
}

/**
 * Describes the options of a function or class.
 *
 * @param example what they look like, for error texts: `{ debug: true }`
 */
export function optionsOf<O extends object>(
  example: string,
  kinds: Kinds<Said<O>>,
  instead: Instead = {},
): OptionsOf<O> {
  // Without a prototype, so that "toString" is not an option.
  const known: Record<string, Kind<never>> = Object.assign(Object.create(null), kinds);
  return {
    kinds: kinds as Kinds<O>,
    check(options, what) {
      if (
        typeof options !== "object" || options === null || Symbol.iterator in options ||
        isThenable(options)
      ) throw notOptions(options, what, example);
      // With what is inherited, as the reading of an option sees that too.
      for (const name in options) {
        const value = (options as Readonly<Record<string, unknown>>)[name];
        if (value === undefined) continue;
        const kind = known[name];
        if (kind === undefined) {
          if (Object.hasOwn(options, name)) throw noSuchOption(name, what, known, instead);
        } else if (!kind.accepts(value)) throw wrongType(name, what, kind.wanted, value);
        else if (kind.verify !== undefined) kind.verify(value, name, what);
      }
    },
  };
}

// ── kinds

/** True or false; nothing that merely counts as either. */
export const flag: Kind<boolean> = {
  wanted: "true or false",
  accepts: (value) => typeof value === "boolean",
};

export const text: Kind<string> = {
  wanted: "a string",
  accepts: (value) => typeof value === "string",
};

/** Any number but NaN. */
export const number: Kind<number> = {
  wanted: "a number",
  accepts: (value) => typeof value === "number",
  verify: (value, name, what) => {
    if (Number.isNaN(value)) throw senseless(name, what, "a number", value);
  },
};

/** A number whose limits the function itself checks, with a text of asyncio's. */
export const plainNumber: Kind<number> = { wanted: "a number", accepts: number.accepts };

/** How many of something: 0, 1, 2. */
export const count: Kind<number> = {
  wanted: "a whole number",
  accepts: (value) => typeof value === "number",
  verify: (value, name, what) => {
    if (Number.isInteger(value) && value as number >= 0) return;
    throw senseless(name, what, "a whole number, 0 or above", value);
  },
};

/** How many at most: 1, 2, 3, or Infinity. */
export const limit: Kind<number> = {
  wanted: "a whole number",
  accepts: (value) => typeof value === "number",
  verify: (value, name, what) => {
    if (value === Infinity || (Number.isInteger(value) && value as number >= 1)) return;
    throw senseless(name, what, "a whole number from 1 on, or Infinity", value);
  },
};

/** A whole number of either sign. */
export const whole: Kind<number> = {
  wanted: "a whole number",
  accepts: (value) => typeof value === "number",
  verify: (value, name, what) => {
    if (Number.isInteger(value)) return;
    throw senseless(name, what, "a whole number", value);
  },
};

export const duration: Kind<Delay> = {
  wanted: "a duration",
  accepts: () => true,
  verify: (value, name, what) => {
    if (typeof value === "number" && value === value) return;
    try {
      toSeconds(value as Delay);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      const type = error instanceof RangeError ? RangeError : TypeError;
      const reason = error.message.replace(DELAY_ERROR, "");
      throw new type(`${callOf(what)}: ${name}: ${reason}`, { cause: error });
    }
  },
};

/** Of this realm or of another. */
export const abortSignal: Kind<AbortSignal> = {
  wanted: "an AbortSignal",
  accepts: (value) =>
    typeof value === "object" && value !== null && "aborted" in value &&
    "addEventListener" in value,
};

/** `file` of what prints. */
export const writable: Kind<{ write(text: string): void }> = {
  wanted: "an object with write(text)",
  accepts: (value) =>
    typeof value === "object" && value !== null && "write" in value &&
    typeof value.write === "function",
};

/** A function; what it takes and returns can't be seen. */
export function func<F>(): Kind<F> {
  return { wanted: "a function", accepts: (value) => typeof value === "function" };
}

/** Whatever there is; or what its user checks, with a text of its own. */
export function anything<T>(): Kind<T> {
  return { wanted: "anything", accepts: () => true };
}

/** An option of asyncio's of which only the default makes sense here; its user refuses the rest. */
export const untold: Kind<unknown> = { wanted: "nothing", accepts: () => true, untold: true };

/** An object of a class. The class comes as a function, as it may not be there yet. */
export function instanceOf<T>(
  wanted: string,
  type: () => abstract new (...args: never[]) => T,
): Kind<T> {
  return { wanted, accepts: (value) => value instanceof type() };
}

/** One of a few values. @throws {RangeError} for another one of their type */
export function oneOf<const T extends string | number>(...values: readonly T[]): Kind<T> {
  const wanted = `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  return {
    wanted,
    accepts: (value) => typeof value === typeof values[0],
    verify: (value, name, what) => {
      if (values.includes(value as T)) return;
      throw senseless(name, what, wanted, JSON.stringify(value));
    },
  };
}

export function listOf<T>(kind: Kind<T>, wanted: string): Kind<T[]> {
  return {
    wanted,
    accepts: (value) => Array.isArray(value) && value.every((item) => kind.accepts(item)),
  };
}

export function orNull<T>(kind: Kind<T>): Kind<T | null> {
  const { accepts, verify } = kind;
  return {
    wanted: `${kind.wanted} or null`,
    accepts: (value) => value === null || accepts(value),
    ...(verify === undefined ? {} : {
      verify: (value, name, what) => {
        if (value !== null) verify(value, name, what);
      },
    }),
  };
}

// ── errors

function noSuchOption(
  name: string,
  what: string,
  known: Readonly<Record<string, Kind<never>>>,
  instead: Instead,
): TypeError {
  return new TypeError(
    `${callOf(what)}: there is no option "${name}", ${rightName(name, known, instead)}`,
  );
}

function rightName(
  name: string,
  known: Readonly<Record<string, Kind<never>>>,
  instead: Instead,
): string {
  const names = Object.keys(known).filter((one) => known[one]?.untold !== true);
  const camel = name.replace(
    /(?<=[A-Za-z0-9])_+([A-Za-z0-9])/g,
    (_, letter: string) => letter.toUpperCase(),
  );
  if (camel !== name && names.includes(camel)) return `its name here is ${camel}`;
  const hint = Object.hasOwn(instead, camel) ? instead[camel] : undefined;
  if (hint !== undefined) return hint;
  const near = nearest(camel, names);
  if (near !== null) return `did you mean ${near}?`;
  return names.length === 1
    ? `its only option is ${names[0]}`
    : `the options are ${names.join(", ")}`;
}

/** `reuse_port` for `reusePort`. */
export function pythonName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function wrongType(name: string, what: string, wanted: string, value: unknown): TypeError {
  return new TypeError(
    `${callOf(what)}: ${name} must be ${wanted}, received ${describeGiven(value, wanted)}`,
  );
}

function senseless(name: string, what: string, wanted: string, value: unknown): RangeError {
  return new RangeError(`${callOf(what)}: ${name} must be ${wanted}, received ${value}`);
}

function describeGiven(value: unknown, wanted: string): string {
  if (typeof value === "string") {
    const shown = `a string, ${JSON.stringify(value.slice(0, 40))}`;
    const bare = value.trim() !== "" && Number.isFinite(Number(value)) && /number/.test(wanted) ||
      (value === "true" || value === "false") && wanted === flag.wanted;
    return bare ? `${shown}; write ${value.trim()}, without the quotes` : shown;
  }
  if (typeof AbortController === "function" && value instanceof AbortController) {
    return `${describeType(value)}; pass { signal: controller.signal }`;
  }
  if (wanted === text.wanted && ArrayBuffer.isView(value)) {
    return `${describeType(value)}; decode it: new TextDecoder().decode(bytes)`;
  }
  return describeType(value);
}

/** The name that differs from the given one by a few letters; null when there is none. */
function nearest(name: string, names: readonly string[]): string | null {
  const limit = Math.max(1, Math.floor(name.length / 4));
  let best: string | null = null;
  let least = limit + 1;
  for (const candidate of names) {
    const distance = distanceOf(name.toLowerCase(), candidate.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** How many letters have to be put in, left out, changed or swapped with their neighbour to come from one to the other. */
function distanceOf(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      let least = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) {
        least = Math.min(least, before[j - 2]! + 1);
      }
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[to.length]!;
}
