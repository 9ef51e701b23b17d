import assert from "node:assert/strict";
import {
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  PIPE,
  type Process,
  sleep,
  terminateProcess,
} from "../../mod.ts";
import { assertCancelled, runsInRealTime as runs } from "../_support/tasks.ts";
import { exists, text, until } from "../_support/processes.ts";

/** Starts a script that says when it is ready. */
async function ready(script: string, startNewSession = false): Promise<[Process, string]> {
  const process = await createSubprocessShell(script, { stdout: PIPE, startNewSession });
  return [process, text(await process.stdout!.readline()).trim()];
}

runs("SUBP-05: terminateProcess: one that obeys ends by SIGTERM", async () => {
  const [process] = await ready("echo ready; exec sleep 60");
  assert.equal(await terminateProcess(process), -15);
});

runs(
  "SUBP-05: terminateProcess: one that cleans up has its time and its own exit code",
  async () => {
    const [process] = await ready(
      "trap 'sleep 0.05; echo clean; exit 3' TERM; echo ready; while :; do sleep 0.01; done",
    );
    assert.equal(await terminateProcess(process, { grace: 10 }), 3);
    assert.equal(text(await process.stdout!.read()), "clean\n");
  },
);

runs("SUBP-05: terminateProcess: one that does not is killed after the grace period", async () => {
  const [process] = await ready("trap '' TERM; echo ready; exec sleep 60");
  assert.equal(await terminateProcess(process, { grace: { milliseconds: 20 } }), -9);
});

runs("SUBP-05: terminateProcess: without grace it is killed at once", async () => {
  const [process] = await ready("trap '' TERM; echo ready; exec sleep 60");
  assert.equal(await terminateProcess(process, { grace: 0 }), -9);
});

runs("SUBP-05: terminateProcess: the whole group goes, also what outlives its leader", async () => {
  const [process, grandchild] = await ready(
    "trap 'exit 4' TERM; (trap '' TERM; exec sleep 60) & echo $!; wait",
    true,
  );
  assert.equal(exists(Number(grandchild)), true);
  assert.equal(await terminateProcess(process, { grace: 10 }), 4);
  await until(() => !exists(Number(grandchild)), "the grandchild's end");
  assert.equal(await process.wait(), 4);
});

runs(
  "SUBP-05: terminateProcess: without a session of its own only the process is meant",
  async () => {
    const [process, grandchild] = await ready("sleep 60 >/dev/null & echo $!; wait");
    assert.equal(await terminateProcess(process), -15);
    assert.equal(exists(Number(grandchild)), true);
    globalThis.process.kill(Number(grandchild), "SIGKILL");
  },
);

runs("SUBP-05: terminateProcess: one that has ended already is no error", async () => {
  for (const startNewSession of [false, true]) {
    const process = await createSubprocessShell("exit 5", { startNewSession });
    await process.wait();
    assert.equal(await terminateProcess(process), 5);
  }
});

runs("SUBP-05: terminateProcess: cancelled, it kills at once", async () => {
  const [process] = await ready("trap '' TERM; echo ready; exec sleep 60");
  const task = createTask(() => terminateProcess(process, { grace: 60 }));
  await sleep(0.01);
  task.cancel();
  await assertCancelled(task);
  assert.equal(await process.wait(), -9);
});

runs("SUBP-05: terminateProcess: unread output does not keep it", async () => {
  const process = await createSubprocessExec("yes", [], { stdout: PIPE });
  await sleep(0.02);
  assert.equal(await terminateProcess(process), -15);
  await process[Symbol.asyncDispose]();
});
