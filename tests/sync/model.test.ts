/**
 * Random programs against plain models: who waits, who holds, in which order. A model knows nothing of iterations and
 * wake-ups; it says what must hold at every moment, and what must hold once nothing moves any more.
 */
import assert from "node:assert/strict";
import {
  Barrier,
  BoundedSemaphore,
  BrokenBarrierError,
  Condition,
  Event,
  Lock,
  type Releaser,
  Semaphore,
} from "../../mod.ts";
import { ticks } from "../_support/sync.ts";
import { forPrograms, Line } from "../_support/models.ts";

/** More iterations than any chain of hand-overs in a program of forty operations takes. */
const SETTLED = 50;

const pick = <T>(items: readonly T[], n: number): T | undefined =>
  items[n % Math.max(1, items.length)];

forPrograms(
  "LOCK-02: random programs: one holder, no overtaking, no lost wake-up, no stale release",
  ["acquire", "acquire", "release", "release", "stale", "cancel", "tick", "tick"],
  async (program) => {
    const lock = new Lock();
    const line = new Line();
    const stale: Releaser[] = [];
    let holder: Releaser | null = null;
    const release = () => {
      if (holder === null) return;
      const held = holder;
      holder = null;
      stale.push(held);
      held.release();
    };
    for (const { kind, n } of program) {
      if (kind === "acquire") {
        line.enter(() => lock.acquire(), (releaser, visitor) => {
          assert.equal(holder, null, "two hold the lock");
          line.assertFirst(visitor);
          holder = releaser;
        });
      } else if (kind === "release") release();
      else if (kind === "stale") pick(stale, n)?.release();
      else if (kind === "cancel") line.cancel(n);
      else await ticks(1 + n % 2);
      assert.equal(lock.locked(), holder !== null);
    }
    await ticks(SETTLED);
    assert.equal(lock.statistics().waiting, line.waiting.length);
    assert.equal(holder === null && line.waiting.length > 0, false, "a wake-up was lost");
    while (holder !== null) {
      release();
      await ticks(2);
    }
    await line.finish();
    assert.deepEqual(lock.statistics(), { waiting: 0, locked: false, owner: null });
  },
);

forPrograms(
  "EVT-03: random programs: a waiter passes if and only if the flag was set while it waited",
  ["wait", "wait", "set", "clear", "cancel", "tick", "tick"],
  async (program) => {
    const event = new Event();
    const line = new Line();
    let sets = 0;
    const set = () => {
      if (!event.isSet()) sets++;
      event.set();
    };
    for (const { kind, n } of program) {
      if (kind === "wait") {
        let before = -1;
        const wait = () => {
          before = event.isSet() ? sets - 1 : sets;
          return event.wait();
        };
        line.enter(wait, () => assert.ok(sets > before, "nobody had set the event"));
      } else if (kind === "set") set();
      else if (kind === "clear") event.clear();
      else if (kind === "cancel") line.cancel(n);
      else await ticks(1 + n % 2);
    }
    await ticks(SETTLED);
    assert.equal(event.statistics().waiting, line.waiting.length);
    assert.equal(event.isSet() && line.waiting.length > 0, false, "a wake-up was lost");
    set();
    await ticks(2);
    await line.finish();
    assert.equal(event.statistics().waiting, 0);
  },
);

for (const Kind of [Semaphore, BoundedSemaphore]) {
  forPrograms(
    `SEM-08: random programs on a ${Kind.name}: units counted, no overtaking, no lost wake-up`,
    ["acquire", "acquire", "acquire", "release", "release", "add", "cancel", "tick", "tick"],
    async (program) => {
      const initial = program[0]!.n % 4;
      const semaphore = new Kind(initial);
      const line = new Line();
      const held: Releaser[] = [];
      let units = initial;
      const release = (n: number) => {
        const [releaser] = held.splice(n % Math.max(1, held.length), 1);
        releaser?.release();
        // Once more does nothing.
        releaser?.release();
      };
      for (const { kind, n } of program) {
        if (kind === "acquire") {
          line.enter(() => semaphore.acquire(), (releaser, visitor) => {
            assert.ok(held.length < units, "more holders than units");
            line.assertFirst(visitor);
            held.push(releaser);
          });
        } else if (kind === "release") release(n);
        else if (kind === "add") {
          if (Kind === Semaphore) {
            units++;
            semaphore.release();
          }
        } else if (kind === "cancel") line.cancel(n);
        else await ticks(1 + n % 2);
      }
      await ticks(SETTLED);
      const waiting = line.waiting.length;
      const free = units - held.length;
      assert.deepEqual(semaphore.statistics(), { waiting, value: free });
      assert.equal(free > 0 && waiting > 0, false, "a wake-up was lost");
      while (held.length > 0) {
        release(0);
        await ticks(2);
      }
      if (units === 0) { for (const _ of line.waiting) line.waiting[0]!.cancelled = true; }
      for (const visitor of line.waiting) {
        visitor.cancelled = true;
        visitor.task.cancel();
      }
      await ticks(2);
      await line.finish();
      assert.deepEqual(semaphore.statistics(), { waiting: 0, value: units });
    },
  );
}

forPrograms(
  "COND-09: random programs: no notification is lost, and the lock is held on every way out",
  ["consume", "consume", "produce", "produce", "spurious", "cancel", "tick", "tick"],
  async (program) => {
    const condition = new Condition();
    const consumers = new Line();
    const producers = new Line();
    let stock = 0;
    let consumed = 0;
    let inside = 0;
    const alone = async (body: () => Promise<unknown>) => {
      await condition.acquire();
      try {
        await body();
      } finally {
        assert.equal(condition.locked(), true, "wait() left without the lock");
        assert.equal(inside, 0, "two hold the lock");
        inside++;
        await Promise.resolve();
        inside--;
        condition.release();
      }
    };
    let produced = 0;
    for (const { kind, n } of program) {
      if (kind === "consume") {
        const consume = () =>
          alone(async () => {
            await condition.waitFor(() => stock > 0);
            stock--;
            consumed++;
          });
        // Taking and being cancelled may fall into one moment: the count tells who took.
        consumers.enter(consume, () => {});
      } else if (kind === "produce") {
        producers.enter(() =>
          alone(() => {
            stock++;
            produced++;
            condition.notify();
            return ticks(n % 3);
          }), () => {});
      } else if (kind === "spurious") {
        producers.enter(() =>
          alone(async () => {
            await ticks(n % 2);
            condition.notifyAll();
          }), () => {});
      } else if (kind === "cancel") {
        if (n % 4 === 0) producers.cancel(n);
        else consumers.cancel(n);
      } else await ticks(1 + n % 2);
    }
    await ticks(4 * SETTLED);
    assert.equal(condition.locked(), false);
    assert.equal(producers.waiting.length, 0);
    assert.equal(condition.statistics().waiting, consumers.waiting.length);
    assert.equal(stock > 0 && consumers.waiting.length > 0, false, "a notification was lost");
    assert.equal(produced - consumed, stock);
    for (const visitor of consumers.waiting) {
      visitor.cancelled = true;
      visitor.task.cancel();
    }
    await ticks(SETTLED);
    await consumers.finish();
    await producers.finish();
    assert.deepEqual(condition.statistics(), { waiting: 0, locked: false, owner: null });
  },
);

forPrograms(
  "BAR-07: random programs: only whole parties pass, and nobody stays behind a whole one",
  ["wait", "wait", "wait", "wait", "cancel", "tick", "tick", "tick", "reset", "abort"],
  async (program) => {
    const parties = 1 + program[0]!.n % 4;
    const barrier = new Barrier(parties);
    const line = new Line();
    const control = new Line();
    let passed = 0;
    let cancelled = 0;
    let disturbed = false;
    const wait = async () => {
      try {
        return await barrier.wait();
      } catch (error) {
        if (!(error instanceof BrokenBarrierError)) throw error;
        assert.equal(disturbed, true, "broken although nobody reset or aborted it");
        return null;
      }
    };
    for (const { kind, n } of program) {
      if (kind === "wait") {
        line.enter(wait, (index) => {
          if (index === null) return;
          assert.ok(index >= 0 && index < parties);
          passed++;
        });
      } else if (kind === "cancel") {
        const before = line.waiting.filter((visitor) => visitor.cancelled).length;
        line.cancel(n);
        cancelled += line.waiting.filter((visitor) => visitor.cancelled).length - before;
      } else if (kind === "tick") await ticks(1 + n % 2);
      else if (n % 4 === 0) {
        disturbed = true;
        control.enter(() => kind === "reset" ? barrier.reset() : barrier.abort(), () => {});
      }
    }
    await ticks(2 * SETTLED);
    await control.finish();
    const { broken } = barrier;
    assert.equal(barrier.nWaiting, line.waiting.length);
    assert.equal(line.waiting.length < (broken ? 1 : parties), true, "a whole party waits");
    if (cancelled === 0 && !disturbed) assert.equal(passed % parties, 0, "half a party passed");
    disturbed = true;
    await barrier.reset();
    await ticks(SETTLED);
    await line.finish();
    assert.deepEqual(barrier.statistics(), { waiting: 0, parties, state: "filling" });
  },
);
