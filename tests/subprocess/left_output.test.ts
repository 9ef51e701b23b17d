import assert from "node:assert/strict";
import {
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  PIPE,
  type Process,
  sleep,
  type StreamReader,
} from "../../mod.ts";
import { collectUntil } from "../_support/gc.ts";
import { runsInRealTime as runs } from "../_support/tasks.ts";
import { openDescriptors, text, until } from "../_support/processes.ts";

// What a child wrote and nobody has read when it has ended. Functions that drop something keep it out of their test's closures.

/** A child that has ended with more output than this side takes unasked; both its pipes are open. */
async function killed(): Promise<Process> {
  const child = await createSubprocessShell("yes & yes >&2", {
    stdout: PIPE,
    stderr: PIPE,
    startNewSession: true,
  });
  await child.stdout!.readline();
  await child.stderr!.readline();
  // Time to fill what it can.
  await sleep(0.05);
  process.kill(-child.pid, "SIGKILL");
  assert.equal(await child.wait(), -9);
  return child;
}

async function forget(times: number): Promise<void> {
  for (let i = 0; i < times; i++) await killed();
}

runs("SUBPX-10: output that nobody can read any more gives its descriptors back", async () => {
  const before = openDescriptors();
  await forget(5);
  // On Bun the collector may take what lies on the stack for a reference.
  assert.equal(await collectUntil(() => openDescriptors() <= before + 2), true);
});

runs("SUBPX-10: nobody has to collect for it", async () => {
  const before = openDescriptors();
  await forget(5);
  await until(() => openDescriptors() <= before + 2, "the end of the pipes");
});

for (const kept of ["process", "reader", "web stream"] as const) {
  runs(`SUBPX-11: it can be read as long as its ${kept} is held`, async () => {
    const keep = await keptOf(kept);
    await collectUntil(() => false, 4);
    await sleep(0.02);
    assert.equal(await firstOf(keep), "y");
    if ("communicate" in keep) await keep[Symbol.asyncDispose]();
  });
}

type Kept = Process | StreamReader | ReadableStream<Uint8Array>;

async function keptOf(what: "process" | "reader" | "web stream"): Promise<Kept> {
  const child = await killed();
  return what === "process" ? child : what === "reader" ? child.stderr! : child.stderr!.readable;
}

async function firstOf(kept: Kept): Promise<string> {
  if ("communicate" in kept) return await firstOf(kept.stderr!);
  if ("readline" in kept) return text(await kept.read(1));
  return text((await kept.getReader().read()).value).slice(0, 1);
}

async function readLate(): Promise<Uint8Array> {
  const child = await createSubprocessShell("(sleep 0.3; echo late) & exit 3", { stdout: PIPE });
  assert.equal(await child.wait(), 3);
  return await child.stdout!.read();
}

runs("SUBPX-11: a read that waits for a grandchild has its time", async () => {
  const reading = createTask(readLate);
  await sleep(0.1);
  await collectUntil(() => false, 4);
  assert.equal(text(await reading), "late\n");
});

runs("SUBPX-11: a child that runs is left alone", async () => {
  const pid = await startAndForget();
  await collectUntil(() => false, 4);
  await sleep(0.02);
  process.kill(pid, 0);
  process.kill(pid, "SIGKILL");
});

async function startAndForget(): Promise<number> {
  const child = await createSubprocessExec("yes", [], { stdout: PIPE });
  await child.stdout!.readline();
  return child.pid;
}
