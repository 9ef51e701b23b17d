import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";
import { withExample } from "../_support/examples.ts";

const program = new URL("../../examples/threads_progress.ts", import.meta.url);

test("EXAMPLE threads progress: counts right, and shows how far it is", async () => {
  const { code, stdout, stderr } = await runProgram(program, { args: ["200000", "--threads=2"] });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^17984 primes below 200000, on 2 threads in [\d.]+ s\n$/);
  assert.match(stderr, /25 %|[3-9]\d %/);
  assert.match(stderr, /100 %\n$/);
});

test("EXAMPLE threads progress: a limit of one is no problem", async () => {
  const { stdout } = await runProgram(program, { args: ["1", "--threads=2"] });
  assert.match(stdout, /^0 primes below 1,/);
});

test("EXAMPLE threads progress: Ctrl-C stops the threads and ends with 130", async () => {
  const result = await withExample(program, ["1000000000", "--threads=2"], async (example) => {
    await example.warns(/%/);
    example.signal("SIGINT");
  });
  assert.equal(result.code, 130);
  assert.match(result.stderr, /Interrupted: everything has been cleaned up\./);
});

test("EXAMPLE threads progress: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [["many"], /The limit must be between 1 and 1000000000, not "many"/],
      [["10", "--threads=0"], /--threads must be between 1 and 64, not "0"/],
      [["10", "20"], /One number is enough/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
