import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";

const program = new URL("./_first_use_program.ts", import.meta.url);

for (
  const [way, claim] of [
    ["cancelled server", "a server that is cancelled in it leaves nothing, and the next one works"],
    ["cancelled subprocess", "a child that is cancelled in it never was, and the next one works"],
    ["aborted connection", "an abort signal ends it with its reason"],
    ["virtual time", "the testing clock stands still for it"],
    ["wrong arguments", "wrong arguments are refused without it"],
  ] as const
) {
  test(`the load at the first use: ${claim}`, async () => {
    const { code, stdout, stderr } = await runProgram(program, { args: [way] });
    assert.equal(stdout, "done\n", stderr);
    assert.equal(code, 0);
  });
}
