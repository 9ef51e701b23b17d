import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";
import { inFolder, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/supervisor.ts", import.meta.url);

test("EXAMPLE supervisor: starts what ends anew, with pauses that double, and gives up in the end", async () => {
  const args = ["--pause=0.02", "--retries=3", "echo hello; exit 7"];
  const { code, stdout } = await runProgram(program, { args });
  assert.equal(code, 0);
  assert.equal(stdout.match(/\[echo\] hello/g)?.length, 4);
  const pauses = [...stdout.matchAll(/ended with 7, starts again in ([\d.]+) s/g)];
  assert.deepEqual(pauses.map(([, seconds]) => Number(seconds)), [0.02, 0.04, 0.08]);
  assert.match(stdout, /\[echo\] given up after 4 attempts\nnothing is left running\n$/);
});

/** Whether a process is still there. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

for (const [signal, code] of [["SIGTERM", 0], ["SIGINT", 130]] as const) {
  test(`EXAMPLE supervisor: ${signal} stops all children gently`, async () => {
    await inFolder(async (folder) => {
      const goodbye = join(folder, "goodbye");
      const gentle =
        `trap 'echo bye > ${goodbye}; exit 0' TERM; echo up; while :; do sleep 0.05; done`;
      let pids: number[] = [];
      const result = await withExample(program, [gentle, "sleep 60"], async (example) => {
        await example.says(/\[trap\] up/);
        const [, sleeper] = await example.says(/\[sleep\] runs as (\d+)/);
        const [, trapper] = await example.says(/\[trap\] runs as (\d+)/);
        pids = [Number(sleeper), Number(trapper)];
        example.signal(signal);
      });
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stdout, /\[sleep\] stopped with -15/);
      assert.match(result.stdout, /\[trap\] stopped with 0/);
      assert.equal(await readFile(goodbye, "utf8"), "bye\n");
      assert.deepEqual(pids.map(isAlive), [false, false]);
    });
  });
}

test("EXAMPLE supervisor: a child that will not go is killed", async () => {
  const stubborn = "trap '' TERM; echo up; while :; do sleep 0.05; done";
  const result = await withExample(program, ["--grace=0.1", stubborn], async (example) => {
    await example.says(/\[trap\] up/);
    example.signal("SIGTERM");
  });
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /\[trap\] stopped with -9\nnothing is left running/);
});

test("EXAMPLE supervisor: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /Which commands\?/],
      [["--grace=soon", "true"], /--grace must be between 0 and 3600, not "soon"/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
