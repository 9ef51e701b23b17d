import { checkOrderable, compareAsPython } from "./ordering.ts";
import { anything, type OptionsOf, optionsOf } from "../runtime/base/options.ts";
import { describeType } from "../runtime/base/format.ts";
import { Queue, replaceStore } from "./queue.ts";
import { SortedList } from "./stores.ts";

const OPTIONS: OptionsOf<{ compare?: unknown }> = optionsOf(
  "{ compare: (a, b) => a.rank - b.rank }",
  { compare: anything() },
  {
    cmp: "write compare",
    comparator: "write compare",
    key: "write compare: (a, b) => a.rank - b.rank",
    maxsize: "it comes before the options, as in new PriorityQueue(10, options)",
  },
);

/**
 * A queue from which the least item leaves first (`asyncio.PriorityQueue`), and of equal ones the first that came.
 *
 * Without `compare`, items are ordered as Python orders them: numbers and bigints by value, strings by code point, arrays
 * by their first difference, so that `[priority, job]` works as a tuple does in Python as long as no two priorities are
 * equal. Items that have no order among those inside, NaN and plain objects for instance, are a TypeError at `put`, and
 * the queue stays as it was.
 *
 * An item must not change its place in the order while it is inside.
 *
 * @example
 * ```ts
 * import assert from "node:assert/strict";
 * import { PriorityQueue } from "@asyncio/asyncio";
 *
 * const queue = new PriorityQueue<[number, string]>();
 * queue.putNowait([2, "sweep"]);
 * queue.putNowait([1, "cook"]);
 * assert.deepEqual(queue.getNowait(), [1, "cook"]);
 *
 * const byAge = new PriorityQueue<{ age: number }>(0, { compare: (a, b) => b.age - a.age });
 * byAge.putNowait({ age: 7 });
 * byAge.putNowait({ age: 70 });
 * assert.equal(byAge.getNowait().age, 70);
 * ```
 */
export class PriorityQueue<T> extends Queue<T> {
  /**
   * An empty queue.
   *
   * @param maxsize how many items it holds at most; 0 or less: as many as come
   * @param options `compare`: negative when `a` is to leave before `b`, positive when after, 0 when they are equal
   * @throws {TypeError} if `compare` is not a function, or the options are not an object
   */
  constructor(maxsize: number = 0, options: { compare?: (a: T, b: T) => number } = {}) {
    super(maxsize);
    OPTIONS.check(options, "PriorityQueue");
    const { compare } = options;
    if (compare !== undefined && typeof compare !== "function") {
      throw new TypeError(
        `Cannot make a queue: compare must be a function, received ${
          describeType(compare)
        }; write { compare: (a, b) => a.rank - b.rank }`,
      );
    }
    const store = compare === undefined
      ? new NaturalOrder<T>(compareAsPython)
      : new SortedList<T>(checked(compare));
    replaceStore(this, store);
  }
}

/** Refuses what would go in first, when there is nothing to compare it with, and then spoil the order for others. */
class NaturalOrder<T> extends SortedList<T> {
  override put(item: T): void {
    checkOrderable(item);
    super.put(item);
  }

  override check(item: T): void {
    checkOrderable(item);
    super.check(item);
  }
}

function checked<T>(compare: (a: T, b: T) => number): (a: T, b: T) => number {
  return (a, b) => {
    const order: unknown = compare(a, b);
    if (typeof order === "number" && !Number.isNaN(order)) return order;
    throw new TypeError(
      `Cannot order items: compare() must return a number, received ${String(order)}`,
    );
  };
}
