import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../../_support/programs.ts";

const program = new URL("./_printing_program.ts", import.meta.url);

async function linesOf(...args: string[]): Promise<[stdout: number, stderr: number]> {
  const { code, stdout, stderr } = await runProgram(program, { args });
  assert.equal(code, 0, stderr.slice(0, 500));
  return [stdout.split("\n").length - 1, stderr.split("\n").length - 1];
}

for (const where of ["threads", "children"]) {
  for (const end of ["shutdown", "end of the program"]) {
    test(`THR-01: what a job prints last is there after the ${end} (${where}, few rows)`, async () => {
      assert.deepEqual(await linesOf(where, end, "3", "5"), [6, 6]);
    });

    test(`THR-01: what a job prints last is there after the ${end} (${where}, many rows)`, async () => {
      assert.deepEqual(await linesOf(where, end, "400", "1000"), [800, 800]);
    });
  }
}

test("THR-01: the end of a child leaves standard output open for the others", async () => {
  const last = new URL("./_last_line_program.ts", import.meta.url);
  const { stdout } = await runProgram(last);
  assert.deepEqual(stdout.trim().split("\n"), ["from the child", "from the pool's process"]);
});
