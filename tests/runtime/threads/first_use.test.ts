import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../../_support/programs.ts";

const program = new URL("./_first_use_program.ts", import.meta.url);

for (
  const [way, claim] of [
    ["arguments", "a job gets its arguments as they were at the call"],
    ["functions", "a job is given functions"],
    ["shutdown", "a shutdown waits for the jobs that wait, which run in their order"],
    ["cancel", "a job that has a worker has begun, and hears that it is cancelled"],
    ["cancel futures", "a shutdown cancels the jobs for which there is no worker"],
    ["cancelled shutdown", "a shutdown ends although jobs are cancelled while it waits"],
    ["virtual time", "the testing clock stands still"],
  ] as const
) {
  test(`before the first worker can start: ${claim}`, async () => {
    const { code, stdout, stderr } = await runProgram(program, { args: [way] });
    assert.equal(stdout, "done\n", stderr);
    assert.equal(code, 0);
  });
}
