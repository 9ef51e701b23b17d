import assert from "node:assert/strict";
import { test } from "node:test";
import { CancelledError, createTask, sleep } from "../../mod.ts";
import { runTest } from "../../testing/mod.ts";
import type { Task } from "../../mod.ts";

/** A test that is the main task of a run of its own, in virtual time; what it leaves behind fails it. */
export function runs(name: string, body: () => Promise<void>): void {
  test(name, () => runTest(body));
}

/** Lets `count` iterations of the loop pass. */
export async function ticks(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** Starts one task for each body and lets each run up to its first wait. */
export async function started<T>(...bodies: (() => Promise<T>)[]): Promise<Task<T>[]> {
  const tasks = bodies.map((body) => createTask(body));
  await ticks();
  return tasks;
}

export async function assertCancelled(task: Task<unknown>, message = ""): Promise<void> {
  await assert.rejects(async () => await task, (error) => {
    assert.ok(error instanceof CancelledError, String(error));
    assert.equal(error.message, message);
    return true;
  });
}

/** `<Lock #12 [locked]>` without what differs from run to run. */
export function shown(value: object): string {
  return String(value).replace(/#\d+/, "#N");
}
