import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  ExceptionGroup,
  OSError,
  run,
  TimeoutError,
  toThread,
} from "../../../mod.ts";
import { rejection, workModule } from "../../_support/threads.ts";

async function failure(kind: string): Promise<Error> {
  return await run(() => rejection(toThread(workModule.fail, kind)));
}

test("THR-02: an error keeps its class, name, message, and the worker's stack", async () => {
  const error = await failure("type");
  assert.ok(error instanceof TypeError);
  assert.equal(error.name, "TypeError");
  assert.equal(error.message, "wrong type");
  assert.match(error.stack ?? "", /_work/);
});

test("THR-02: an error of this library is one here, with its fields", async () => {
  const error = await failure("os");
  assert.ok(error instanceof OSError);
  assert.equal(error.code, "EADDRINUSE");
  assert.equal(error.errno, 98);
  assert.equal(error.syscall, "listen");
});

test("THR-02: the cause comes along, as an error of its class", async () => {
  const error = await failure("timeout");
  assert.ok(error instanceof TimeoutError);
  assert.ok(error.cause instanceof CancelledError);
  assert.equal(error.cause.message, "why");
});

test("THR-02: a group of errors comes back whole and can be split", async () => {
  const error = await failure("group");
  assert.ok(error instanceof ExceptionGroup);
  const [late, rest] = error.split(TimeoutError);
  assert.deepEqual(late?.leaves().map((leaf) => (leaf as Error).message), ["b"]);
  assert.deepEqual(rest?.leaves().map((leaf) => (leaf as Error).message), ["a"]);
});

test("THR-02: an error of a class that only the module knows keeps its name and fields", async () => {
  const error = await failure("odd") as Error & { size: number; inner: unknown };
  assert.ok(error instanceof Error);
  assert.equal(error.name, "OddError");
  assert.equal(error.message, "odd");
  assert.equal(error.size, 7);
  assert.ok(error.inner instanceof RangeError);
});

test("THR-02: a DOMException stays one", async () => {
  const error = await failure("abort");
  assert.ok(error instanceof DOMException);
  assert.equal(error.name, "AbortError");
});

test("THR-02: what is thrown need not be an error", async () => {
  assert.equal(await failure("text") as unknown, "only text");
});

test("THR-02: an error that is its own cause ends somewhere", async () => {
  const error = await failure("circle");
  assert.equal(error.message, "circle");
  assert.equal((error.cause as Error).message, "circle");
});

test("THR-02: fields that can't be copied are left out", async () => {
  const error = await run(() =>
    rejection(toThread(() => {
      throw Object.assign(new Error("with fields"), { fn: () => 1, size: 3 });
    }))
  );
  assert.equal(Reflect.get(error, "size"), 3);
  assert.equal("fn" in error, false);
});
