/** The stack runs out in the middle of starting a task. */
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  allTasks,
  createTask,
  currentTask,
  eagerTaskFactory,
  getRunningLoop,
  run,
  sleep,
} from "../../../mod.ts";

/** Calls `body` below so many frames, so that the stack ends at another place each time. */
function below<T>(frames: number, body: () => T): T {
  if (frames === 0) return body();
  const result = below(frames - 1, body);
  return result;
}

async function ends(work: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the run does not end")), 20_000);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}

/** There tasks still stay for ever; docs/differences.md says so. */
const node20 = !("Deno" in globalThis || "Bun" in globalThis) &&
  parseInt(process.versions.node) < 24;
const title = "STACK-01: tasks that start each other until the stack ends all end" +
  (node20 ? " (skipped on Node before 24, where they may stay for ever)" : "");

test(title, { skip: node20 }, async () => {
  for (let round = 0; round < 40; round++) {
    const reports: string[] = [];
    await ends(run(async () => {
      const loop = getRunningLoop();
      loop.setExceptionHandler((_, context) => reports.push(String(context.message)));
      loop.setTaskFactory(eagerTaskFactory);
      const next = async (): Promise<void> => await createTask(() => next());
      await assert.rejects(async () => await below(round * 5, next), /stack/);
      // Of those that were broken off nobody has the task.
      await sleep(0);
      await createTask(() => sleep(0));
      await sleep(0);
      assert.deepEqual([...allTasks()], [currentTask()]);
    }));
    assert.deepEqual(reports, []);
  }
});
