// What becomes of children when the process itself ends, or has no descriptors left: in processes of their own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createSubprocessExec, PIPE } from "../../../mod.ts";
import { programCommand, runProgram } from "../../_support/programs.ts";
import { exists, text } from "../../_support/processes.ts";

for (const how of ["reading", "stuck"]) {
  test(`SUBP-13: the end of a run leaves a ${how} child alone, and the process can exit`, async () => {
    const program = new URL("./_leave_child_program.ts", import.meta.url);
    const started = performance.now();
    const { code, stdout, stderr } = await runProgram(program, { args: [how] });
    const pid = Number(stdout);
    try {
      assert.deepEqual([code, stderr], [0, ""]);
      assert.ok(performance.now() - started < 30_000, "it waited for the child");
      assert.equal(exists(pid), true);
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });
}

test("SUBP-14: running out of descriptors is an OSError, and harms no later child", async () => {
  const program = new URL("./_exhaust_descriptors_program.ts", import.meta.url);
  const limited = ["-c", 'ulimit -n 250; exec "$@"', "sh", ...programCommand(program)];
  const child = await createSubprocessExec("sh", limited, { stdout: PIPE });
  const [stdout] = await child.communicate();
  assert.deepEqual([text(stdout), child.returncode], ["EMFILE\n0\n", 0]);
});
