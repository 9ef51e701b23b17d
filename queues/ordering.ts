import { describeType } from "../runtime/base/format.ts";

/**
 * The order of Python's `<` for what it calls int, float, str and tuple (or list): numbers by value, strings by code point,
 * arrays by their first difference. The items that are compared have passed {@linkcode checkOrderable}.
 *
 * @throws {TypeError} for values that have no order between them
 */
export function compareAsPython(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return compareNumbers(a, b);
  if (Object.is(a, b)) return 0;
  if (typeof a === "string" && typeof b === "string") return compareStrings(a, b);
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return compareArrays(a, b);
  throw new TypeError(
    `Cannot order items: they must be of one kind, received ${describeType(a)} and ${
      describeType(b)
    }; put such items, or give \`compare\``,
  );
}

/**
 * Finds what would have no order whatever it is compared with.
 *
 * Elements of arrays may be anything: a job behind its priority, say, which is compared only if the priorities are equal.
 *
 * @throws {TypeError} for NaN, also inside arrays, and for anything but numbers, bigints, strings and arrays
 */
export function checkOrderable(item: unknown): void {
  if (Array.isArray(item)) {
    for (const element of item) {
      if (Array.isArray(element) || typeof element === "number") checkOrderable(element);
    }
  } else if (typeof item !== "string" && !isNumeric(item)) {
    throw new TypeError(
      `Cannot order items: they must be numbers, strings or arrays of them, received ${
        describeType(item)
      }; put such items, or give \`compare\``,
    );
  } else if (item !== item) {
    throw new TypeError(
      "Cannot order items: each must be less, equal or greater than the others, received NaN",
    );
  }
}

function isNumeric(value: unknown): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** JavaScript compares UTF-16 units, which puts everything beyond U+FFFF before U+E000 to U+FFFF. */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let index = 0;
  while (index < length && a.charCodeAt(index) === b.charCodeAt(index)) index++;
  if (index === length) return a.length - b.length;
  // The difference may be the second half of a character.
  if (index > 0 && (isTrail(a, index) || isTrail(b, index)) && isLead(a, index - 1)) index--;
  return a.codePointAt(index)! - b.codePointAt(index)!;
}

function isLead(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xd800;
}

function isTrail(text: string, index: number): boolean {
  return (text.charCodeAt(index) & 0xfc00) === 0xdc00;
}

function compareArrays(a: readonly unknown[], b: readonly unknown[]): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    if (a[index] === b[index]) continue;
    const order = compareAsPython(a[index], b[index]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
