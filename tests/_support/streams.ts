import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createTask,
  type EventLoop,
  type ExceptionContext,
  getRunningLoop,
  type NetAddress,
  run,
  type Server,
  sleep,
  type Task,
} from "../../mod.ts";

export interface Kit {
  readonly loop: EventLoop;
  /** What the exception handler was told. A test takes out what it expects; the rest fails it. */
  readonly reports: ExceptionContext[];
}

/** A test that is the main task of a run of its own, in which nothing may be reported unexpectedly. */
export function runs(name: string, body: (kit: Kit) => Promise<void>): void {
  test(name, () =>
    run(async () => {
      const loop = getRunningLoop();
      const reports: ExceptionContext[] = [];
      loop.setExceptionHandler((_, context) => reports.push(context));
      await body({ loop, reports });
      assert.deepEqual(reports, []);
    }));
}

/** Lets `count` iterations of the loop pass. */
export async function ticks(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** Starts the work as a task and lets it run up to its first wait. In an array, since a task that is returned is awaited. */
export async function started<T>(body: () => PromiseLike<T>): Promise<[Task<T>]> {
  const task = createTask(body);
  await ticks(2);
  return [task];
}

/** Waits for something that comes from outside, in real time: no event of ours tells it. */
export async function until(condition: () => boolean): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    assert.ok(waited < 2000, `waited in vain for ${condition}`);
    await sleep(0.002);
  }
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(chunk: Uint8Array): string {
  return new TextDecoder().decode(chunk);
}

/** `length` bytes in which every misplaced or lost one shows. */
export function pattern(length: number): Uint8Array {
  const result = new Uint8Array(length);
  for (let i = 0; i < length; i++) result[i] = (i * 31 + (i >> 8)) & 255;
  return result;
}

export function portOf(server: Server): number {
  return (server.sockets[0]!.getsockname() as NetAddress).port;
}

/** Runs `body` with the path of a socket file in a folder of its own, and removes that afterwards. */
export async function withPath<T>(body: (path: string) => Promise<T>): Promise<T> {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const folder = await mkdtemp(`${tmpdir()}/asyncio-`);
  try {
    return await body(`${folder}/s`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
