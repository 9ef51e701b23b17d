/**
 * Random programs on tasks, groups, timeouts, shields, gathers, waits, locks and queues, and what CPython 3.13.0 made of them:
 * every result, error, message, count of requests and moment is wanted here, in the same order. `record_programs.py` makes and
 * records them.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { differs, type Recorded, trace } from "./_machine.ts";

const recorded: Recorded[] = readFileSync(new URL("programs.jsonl", import.meta.url), "utf8")
  .trim().split("\n").map((line) => JSON.parse(line));

/** Programs of one test. */
const BATCH = 440;

for (let first = 0; first < recorded.length; first += BATCH) {
  const programs = recorded.slice(first, first + BATCH);
  const last = first + programs.length - 1;
  test(`DIFF-01: the random programs ${first} to ${last} run as in CPython`, async () => {
    for (const [seed, program, expected] of programs) {
      const here = await trace(program);
      if (!differs(here, expected)) continue;
      assert.equal(here, expected, `program ${seed}: ${JSON.stringify(program)}`);
    }
  });
}

test("DIFF-01: there are at least 2,000 of them", () => {
  assert.ok(recorded.length >= 2000, String(recorded.length));
});

test("DIFF-01: a trace with one more request, or another message, is not the same", async () => {
  const [, program, expected] = recorded.find(([, , trace]) => /C\(m\d\)\+1/.test(trace))!;
  const here = await trace(program);
  assert.equal(differs(here, expected), false);
  assert.equal(differs(here.replace(/\+1/, "+2"), expected), true);
  assert.equal(differs(here.replace(/C\(m\d\)/, "C(m77)"), expected), true);
});
