// The invariants of requests over as many random programs as there is time for.
//   PROGRAMS=1000000 deno test -A tests/soak/request_invariants.soak.ts
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import fc from "fast-check";
import { program, violations } from "../runtime/core/_scope_trees.ts";

const numRuns = Number(process.env["PROGRAMS"] ?? 20_000);
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

test("REQUEST-10: no random program breaks an invariant of requests", async () => {
  const property = fc.asyncProperty(program, async (one) => {
    assert.deepEqual(await violations(one), []);
  });
  await fc.assert(property, { numRuns, seed });
});
