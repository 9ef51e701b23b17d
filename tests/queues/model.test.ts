/**
 * Random programs against a plain model of a queue: what went in, what came out, in which order, and who may still wait
 * once nothing moves any more.
 */
import assert from "node:assert/strict";
import {
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
} from "../../mod.ts";
import { ticks } from "../_support/sync.ts";
import { forPrograms, Line } from "../_support/models.ts";

/** More iterations than any chain of hand-overs in a program of forty operations takes. */
const SETTLED = 60;

type Item = [priority: number, id: number];

/** What the queue should hold, and which item should leave next. */
interface Contents {
  put(item: Item): void;
  take(): Item | undefined;
  readonly size: number;
}

class List implements Contents {
  readonly #items: Item[] = [];
  readonly #next: (items: readonly Item[]) => number;

  constructor(next: (items: readonly Item[]) => number) {
    this.#next = next;
  }

  get size(): number {
    return this.#items.length;
  }

  put(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    return this.#items.splice(this.#next(this.#items), 1)[0];
  }
}

function leastOf(items: readonly Item[]): number {
  let least = 0;
  for (const [index, [priority]] of items.entries()) {
    if (priority < items[least]![0]) least = index;
  }
  return least;
}

const byPriority = { compare: (a: Item, b: Item) => a[0] - b[0] };

const kinds: [string, (maxsize: number) => Queue<Item>, () => Contents][] = [
  ["Q-12: Queue", (maxsize) => new Queue(maxsize), () => new List(() => 0)],
  ["Q-12: LifoQueue", (maxsize) => new LifoQueue(maxsize), () => new List((all) => all.length - 1)],
  [
    "Q-28: PriorityQueue",
    (maxsize) => new PriorityQueue<Item>(maxsize, byPriority),
    () => new List(leastOf),
  ],
];

for (const [name, makeQueue, makeContents] of kinds) {
  forPrograms(
    `${name}, random programs: no item lost, doubled or out of order, counts right`,
    [
      ...["put", "put", "put", "get", "get", "next", "putNowait", "getNowait"],
      ...["cancelPut", "cancelGet", "done", "join", "tick", "tick", "tick", "shutdown"],
    ],
    async (program) => {
      const maxsize = program[0]!.n % 4;
      const queue = makeQueue(maxsize);
      const contents = makeContents();
      const getters = new Line();
      const putters = new Line();
      const joiners = new Line();
      let lastId = 0;
      let unfinished = 0;
      let isShutDown = false;
      const newItem = (n: number): Item => [n % 3, ++lastId];
      const stored = (item: Item) => {
        assert.equal(isShutDown, false, "something went into a queue that was shut down");
        contents.put(item);
        unfinished++;
        if (maxsize > 0) assert.ok(contents.size <= maxsize, "more inside than maxsize");
      };
      const taken = (item: Item) => {
        assert.equal(item, contents.take(), "an item was lost, doubled or out of order");
      };
      const orShutDown = async <T>(waiting: Promise<T>): Promise<T | null> => {
        try {
          return await waiting;
        } catch (error) {
          if (!(error instanceof QueueShutDown)) throw error;
          assert.equal(isShutDown, true);
          return null;
        }
      };
      const iterator = queue[Symbol.asyncIterator]();
      for (const { kind, n } of program) {
        if (kind === "put") {
          const item = newItem(n);
          const put = () => orShutDown(queue.put(item).then(() => stored(item)));
          putters.enter(put, () => {});
        } else if (kind === "get") {
          getters.enter(() => orShutDown(queue.get().then(taken)), () => {});
        } else if (kind === "next") {
          getters.enter(() => iterator.next(), ({ done, value }) => {
            if (!done) taken(value);
            else assert.ok(isShutDown && queue.empty(), "a loop ended early");
          });
        } else if (kind === "putNowait") {
          const item = newItem(n);
          try {
            queue.putNowait(item);
            stored(item);
          } catch (error) {
            if (error instanceof QueueShutDown) assert.equal(isShutDown, true);
            else {
              assert.ok(error instanceof QueueFull);
              assert.equal(contents.size, maxsize);
            }
          }
        } else if (kind === "getNowait") {
          try {
            taken(queue.getNowait());
          } catch (error) {
            assert.ok(error instanceof (isShutDown ? QueueShutDown : QueueEmpty), String(error));
            assert.equal(contents.size, 0);
          }
        } else if (kind === "cancelPut") putters.cancel(n);
        else if (kind === "cancelGet") getters.cancel(n);
        else if (kind === "done") {
          if (unfinished === 0) assert.throws(() => queue.taskDone(), RangeError);
          else {
            queue.taskDone();
            unfinished--;
          }
        } else if (kind === "join") joiners.enter(() => queue.join(), () => {});
        else if (kind === "tick") await ticks(1 + n % 2);
        else if (n === 0) {
          isShutDown = true;
          queue.shutdown();
        } else if (n === 1) {
          isShutDown = true;
          while (contents.size > 0) {
            contents.take();
            if (unfinished > 0) unfinished--;
          }
          queue.shutdown({ immediate: true });
        }
        assert.equal(queue.qsize(), contents.size);
        assert.equal(queue.full(), maxsize > 0 && contents.size === maxsize);
        assert.equal(queue.statistics()["unfinished"], unfinished);
      }
      await ticks(SETTLED);
      assert.deepEqual(queue.statistics(), {
        waiting: getters.waiting.length + putters.waiting.length + joiners.waiting.length,
        getters: getters.waiting.length,
        putters: putters.waiting.length,
        joiners: joiners.waiting.length,
        size: contents.size,
        maxsize,
        unfinished,
        shutdown: isShutDown,
      });
      if (getters.waiting.length > 0) {
        assert.equal(contents.size === 0 && !isShutDown, true, "a getter's wake-up was lost");
      }
      if (putters.waiting.length > 0) {
        assert.equal(queue.full() && !isShutDown, true, "a putter's wake-up was lost");
      }
      if (joiners.waiting.length > 0) assert.ok(unfinished > 0, "a joiner's wake-up was lost");
      isShutDown = true;
      queue.shutdown();
      while (!queue.empty()) taken(queue.getNowait());
      for (; unfinished > 0; unfinished--) queue.taskDone();
      await ticks(2);
      for (const line of [getters, putters, joiners]) await line.finish();
    },
  );
}

forPrograms(
  "Q-09: random programs without barging: blocked calls are served in their order",
  ["put", "put", "get", "get", "cancelPut", "cancelGet", "settle", "settle"],
  async (program) => {
    const queue = new Queue<number>(1 + program[0]!.n % 3);
    const getters = new Line();
    const putters = new Line();
    let lastPut = 0;
    const served = async (waiting: Promise<unknown>): Promise<boolean> => {
      try {
        await waiting;
        return true;
      } catch (error) {
        if (error instanceof QueueShutDown) return false;
        throw error;
      }
    };
    for (const { kind, n } of program) {
      if (kind === "put") {
        const item = ++lastPut;
        putters.enter(() => served(queue.put(item)), (inTurn, visitor) => {
          if (inTurn) putters.assertFirst(visitor);
        });
      } else if (kind === "get") {
        getters.enter(() => served(queue.get()), (inTurn, visitor) => {
          if (inTurn) getters.assertFirst(visitor);
        });
      } else if (kind === "cancelPut") putters.cancel(n);
      else if (kind === "cancelGet") getters.cancel(n);
      else await ticks(4);
      // Each call arrives while nothing is on its way, or it could overtake as in asyncio.
      if (kind === "put" || kind === "get") await ticks(4);
    }
    queue.shutdown({ immediate: true });
    await ticks(4);
    await getters.finish();
    await putters.finish();
    assert.equal(queue.statistics()["getters"], 0);
    assert.equal(queue.statistics()["putters"], 0);
  },
);
