import assert from "node:assert/strict";
import { test } from "node:test";
import { type ProgramResult, runProgram } from "../../_support/programs.ts";

const program = new URL("./_interrupt_program.ts", import.meta.url);

// A task runner that started the tests is none that passes signals on.
const env = { INIT_CWD: undefined } as unknown as Record<string, string>;

async function outputOf(name: string): Promise<string[]> {
  const result = await runProgram(program, { args: [name], env, timeout: 30 });
  assert.deepEqual([result.code, result.stderr], [0, ""], result.stdout);
  return linesOf(result);
}

function linesOf({ stdout }: ProgramResult): string[] {
  return stdout.split("\n").filter((line) => line !== "");
}

/** That a program was ended by the signal, and what it had said before. */
async function saidBeforeTheEnd(name: string): Promise<string[]> {
  const result = await runProgram(program, { args: [name], env, timeout: 30 });
  assert.deepEqual([result.code, result.signal], [null, "SIGINT"], result.stdout + result.stderr);
  return linesOf(result);
}

const interrupted = "error KeyboardInterrupt: interrupted by SIGINT";

test("RUN-13: SIGINT cancels a main that waits, and what it waits for", async () => {
  assert.deepEqual(await outputOf("waiting"), ["unwound", interrupted, "future cancelled true"]);
});

test("RUN-13: SIGINT cancels a main that spins", async () => {
  assert.deepEqual(await outputOf("spinning"), [interrupted]);
});

test("RUN-13: after SIGINT the leftover tasks are cancelled and unwound, too", async () => {
  assert.deepEqual(await outputOf("leftovers"), ["leftover unwound", interrupted]);
});

test("RUN-13: each of several runs side by side is interrupted", async () => {
  assert.deepEqual(await outputOf("overlapping"), [interrupted, interrupted]);
});

test("RUN-14: SIGINT for a main that somebody else cancelled too: CancelledError", async () => {
  const lines = await outputOf("cancelledToo");
  assert.deepEqual(lines, ["cancelled by the other", "error CancelledError"]);
});

test("RUN-15: SIGINT with tasks that have no uncancel(): CancelledError", async () => {
  assert.deepEqual(await outputOf("withoutUncancel"), ["error CancelledError"]);
});

test("RUN-16: where no signal listener can be installed, run() works without one", async () => {
  assert.deepEqual(await outputOf("impossible"), ["value ran all the same"]);
});

test("RUN-18: a second SIGINT ends the process as the platform does", async () => {
  assert.deepEqual(await saidBeforeTheEnd("twice"), ["unwinding"]);
});

test("RUN-18: so does one after main is done", async () => {
  assert.deepEqual(await saidBeforeTheEnd("afterMain"), ["shutting down"]);
});

test("RUN-18: after run() SIGINT does what it did before", async () => {
  assert.deepEqual(await saidBeforeTheEnd("afterwards"), ["value done"]);
});

test("RUN-18: a later run listens again", async () => {
  assert.deepEqual(await outputOf("again"), [interrupted, interrupted]);
});

test("RUN-18: where the program listens itself, run() leaves SIGINT to it", async () => {
  const lines = await outputOf("listening");
  assert.deepEqual(lines, ["own listener", "value not interrupted", "listeners 1"]);
});

test("RUN-18: a handler of the loop takes SIGINT over from run()", async () => {
  assert.deepEqual(await outputOf("loopHandler"), ["value handled by the loop"]);
});

test("RUN-19: a main that swallows the cancellation gives its value", async () => {
  assert.deepEqual(await outputOf("swallowing"), ["value kept"]);
});

test("RUN-19: a main that throws an error of its own gives that", async () => {
  assert.deepEqual(await outputOf("failing"), ["error RangeError: own error"]);
});

test("RUN-03: ASYNCIO_DEBUG decides where { debug } is left out", async () => {
  const said = async (debug: Record<string, string>) =>
    linesOf(await runProgram(program, { args: ["debugMode"], env: { ...env, ...debug } }));
  const off = ["value false", "value false", "value true", "value false"];
  const on = ["value true", "value false", "value true", "value true"];
  assert.deepEqual(await said({ ASYNCIO_DEBUG: "" }), off);
  assert.deepEqual(await said({ ASYNCIO_DEBUG: "1" }), on);
});

test("STOP-27: the first SIGINT drains, the second cancels, the third ends the process", async () => {
  assert.deepEqual(await saidBeforeTheEnd("draining"), ["draining", "unwinding"]);
});

test("RECEIVE-06: SIGINT that is received does not end the run", async () => {
  assert.deepEqual(await outputOf("received"), ["value SIGINT"]);
});
