/** What tests of tasks and structure share. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CancelledError, Runner, sleep } from "../../mod.ts";
import type { EventLoop, ExceptionContext, Future } from "../../mod.ts";
import { impatientLoop } from "./impatient_loop.ts";
import { virtualLoop } from "./virtual_loop.ts";

/** What the exception handler of a test's loop was told. The test takes out what it expects; what is left fails it. */
export type Reports = ExceptionContext[];

async function runOn(
  loopFactory: (() => EventLoop) | null,
  body: (loop: EventLoop, reports: Reports) => unknown,
): Promise<void> {
  const reports: Reports = [];
  await new Runner({ loopFactory }).with(async (runner) => {
    const loop = runner.getLoop();
    loop.setExceptionHandler((_loop, context) => reports.push(context));
    await runner.run(() => body(loop, reports));
  });
  assert.deepEqual(reports.map(({ message, exception }) => `${message}: ${exception}`), []);
}

/** A test whose body is the main task of a run in virtual time: no sleep costs anything. */
export function runs(
  name: string,
  body: (loop: EventLoop, reports: Reports) => unknown,
): void {
  test(name, () => runOn(virtualLoop, body));
}

/** The same where foreign awaits are met: the clock does not wait for them. */
export function runsImpatiently(
  name: string,
  body: (loop: EventLoop, reports: Reports) => Promise<unknown>,
): void {
  test(name, () => runOn(impatientLoop, body));
}

/** A test whose body is the main task of a run in real time: for what the world outside the loop takes part in. */
export function runsInRealTime(
  name: string,
  body: (loop: EventLoop, reports: Reports) => unknown,
): void {
  test(name, () => runOn(null, body));
}

/** Lets `count` iterations of the loop pass. */
export async function ticks(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await sleep(0);
}

/** That awaiting it throws CancelledError with this message. */
export async function assertCancelled(awaited: PromiseLike<unknown>, message = ""): Promise<void> {
  await assert.rejects(async () => await awaited, (error) => {
    assert.ok(error instanceof CancelledError, String(error));
    assert.equal(error.message, message);
    return true;
  });
}

/** What a future ended with, in one word or two. */
export function outcome(future: Future<unknown>): string {
  if (!future.done()) return "pending";
  if (future.cancelled()) return "cancelled";
  const error = future.exception();
  return error === null ? `result ${String(future.result())}` : `error ${String(error)}`;
}

/** An error of a test's own, which nothing in the library throws. */
export class Trouble extends Error {
  override name = "Trouble";
}
