/** The invariants of requests (docs/design.md), over a thousand random programs with several lines in their scopes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CancelledError, createTask, getRunningLoop, run, sleep } from "../../../mod.ts";
import { type Invariant, program, unhurriedLoop, violations } from "./_scope_trees.ts";

const RUNS = 1000;
/** Fixed, so that the gate gives the same answer every time. */
const SEED = 17;

let broken: Promise<Map<Invariant, string>> | undefined;

/** The first program that breaks each invariant. All are looked at in one pass. */
function runAll(): Promise<Map<Invariant, string>> {
  return broken ??= (async () => {
    const found = new Map<Invariant, string>();
    for (const one of fc.sample(program, { numRuns: RUNS, seed: SEED })) {
      for (const [invariant, what] of await violations(one)) {
        if (!found.has(invariant)) found.set(invariant, `${what}: ${JSON.stringify(one)}`);
      }
    }
    return found;
  })();
}

function holds(name: string, invariant: Invariant): void {
  test(name, async () => assert.equal((await runAll()).get(invariant), undefined));
}

holds("REQUEST-01: a request leaves offered or pending exactly once", "I1");
holds("REQUEST-02: a new wait takes the nearest pending request going up", "I2");
test("REQUEST-03: a request that hit only leftovers meets the next wait", async () => {
  const leftover = fc.record({ begun: fc.nat(3), catches: fc.boolean() });
  const leftovers = fc.array(leftover, { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(leftovers, fc.integer({ min: 1, max: 9 }), async (all, at) => {
    const main = async () => {
      const loop = getRunningLoop();
      const task = createTask(async () => {
        for (let turn = 0; turn < 4; turn++) {
          for (const { catches } of all.filter(({ begun }) => begun === turn)) {
            const left = sleep(100);
            if (catches) left.catch(() => "none");
          }
          await sleep(0.1);
        }
        await new Promise<void>((resolve) => loop.callLater(1, resolve));
        await sleep(1, "went on");
      });
      loop.callLater(0.4 + at / 10, () => task.cancel("once"));
      await assert.rejects(
        async () => await task,
        (error) => error instanceof CancelledError && error.message === "once",
      );
      assert.ok(Math.abs(loop.time() - 1.4) < 1e-9, String(loop.time()));
    };
    await run(main, { loopFactory: unhurriedLoop });
  });
  await fc.assert(property, { numRuns: 100, seed: SEED });
});

holds("REQUEST-04: a scope that ended holds no wait and no open request", "I4");
holds("REQUEST-05: each CancelledError names a request that was made", "I5");
holds("REQUEST-06: a tree's open requests are counted as they are", "I6");
holds("REQUEST-07: a line that is known to have seen a request is not hit by it again", "I7");
holds("REQUEST-08: after a scope ended cancelled no line that has not heard goes on in it", "I8");
holds("REQUEST-09: a task that was asked to end does end", "ENDS");
