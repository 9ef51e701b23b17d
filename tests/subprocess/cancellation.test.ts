// Programs around children, cancelled at each entry that they make in the loop's ready queue: real children need real time, so
// this can't run on a virtual clock.
import assert from "node:assert/strict";
import {
  allTasks,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  type EventLoop,
  FileNotFoundError,
  PIPE,
  type Process,
  STDOUT,
  terminateProcess,
  wait,
} from "../../mod.ts";
import { core } from "../../runtime/core/loop_core.ts";
import type { ReadyEntry } from "../../runtime/core/scheduler.ts";
import { type Reports, runsInRealTime as runs } from "../_support/tasks.ts";
import { openDescriptors, ownChildren, text, until } from "../_support/processes.ts";

const piped = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const;
const MEGABYTE = new Uint8Array(1 << 20).fill(120);

/** A body with a child of its own, which ends with it. */
async function withChild(
  start: () => Promise<Process>,
  body: (child: Process) => Promise<unknown>,
): Promise<void> {
  const child = await start();
  try {
    await body(child);
  } finally {
    await child[Symbol.asyncDispose]();
  }
}

const programs: Record<string, () => Promise<unknown>> = {
  "a creation that fails": async () => {
    await assert.rejects(createSubprocessExec("no-such-program", [], piped), (error) => {
      if (!(error instanceof FileNotFoundError)) throw error;
      return true;
    });
  },
  "joined streams": () =>
    withChild(
      () => createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE, stderr: STDOUT }),
      (child) => child.communicate("data"),
    ),
  "communicate": () =>
    withChild(
      () => createSubprocessShell("cat; echo end >&2", piped),
      async (child) => {
        const [stdout, stderr] = await child.communicate(MEGABYTE);
        assert.deepEqual([stdout!.length, text(stderr)], [1 << 20, "end\n"]);
      },
    ),
  "a child that reads nothing": () =>
    withChild(
      () => createSubprocessShell("exec <&-; echo end", piped),
      (child) => child.communicate(MEGABYTE),
    ),
  "wait": () => withChild(() => createSubprocessShell("exit 3"), (child) => child.wait()),
  "terminateProcess": () =>
    withChild(
      () => createSubprocessShell("trap '' TERM; echo up; while :; do :; done", { stdout: PIPE }),
      async (child) => {
        await child.stdout!.readline();
        assert.equal(await terminateProcess(child, { grace: 0.001 }), -9);
      },
    ),
};

for (const [what, program] of Object.entries(programs)) {
  runs(`SUBPX-09: cancelled everywhere, nothing is left: ${what}`, async (loop, reports) => {
    await program();
    const children = ownChildren();
    await until(() => ownChildren().length === children.length, "the first child's end");
    const descriptors = openDescriptors();
    let points = 0;
    for (const when of ["woken", "waiting"] as const) {
      let count = 0;
      while (await cancelledAt(count, when, program, loop, reports)) count++;
      points += count;
    }
    assert.ok(points > 2, `only ${points} points`);
    await until(() => ownChildren().length <= children.length, "the end of all children");
    await until(() => openDescriptors() <= descriptors, "the release of all descriptors");
  });
}

/** Cancels at the count-th entry, before or behind it. False when the program ended before. */
async function cancelledAt(
  count: number,
  when: "woken" | "waiting",
  program: () => Promise<unknown>,
  loop: EventLoop,
  reports: Reports,
): Promise<boolean> {
  const { scheduler, resources, operations } = loop[core];
  const at = `cancelled at entry ${count}, ${when}`;
  const task = createTask(program);
  let entries = 0;
  let cancelled = false;
  const cancel = (): null => {
    cancelled = task.cancel();
    return null;
  };
  const enqueue = scheduler.enqueue.bind(scheduler);
  scheduler.enqueue = (entry: ReadyEntry) => {
    enqueue(entry);
    if (++entries !== count) return;
    if (when === "woken") cancel();
    else enqueue({ run: cancel });
  };
  if (count === 0) cancel();
  const [, pending] = await wait([task], { timeout: 20 });
  scheduler.enqueue = enqueue;
  assert.equal(pending.size, 0, `${at}: the program is stuck`);
  await until(() => resources.size + operations.size === 0, `${at}: the end of the child`);
  assert.deepEqual([[...allTasks(loop)].length, reports], [1, []], at);
  assert.equal(task.cancelled(), cancelled, at);
  if (!cancelled) await task;
  return cancelled;
}
