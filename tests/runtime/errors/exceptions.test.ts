import assert from "node:assert/strict";
import { test } from "node:test";
import { makeCancelledError } from "../../../runtime/core/cancelled.ts";
import { nameError } from "../../../runtime/base/format.ts";
import * as exceptions from "../../../runtime/errors/exceptions.ts";

const {
  BrokenExecutor,
  CancelledError,
  ConnectionError,
  ConnectionResetError,
  FatalError,
  GaiError,
  IncompleteReadError,
  KeyboardInterrupt,
  LimitOverrunError,
  OSError,
  RuntimeError,
  SSLCertVerificationError,
  SSLError,
  SendfileNotAvailableError,
  TimeoutError,
} = exceptions;

/** Each class, its parent and an instance, as the contract lists them. */
const family: Record<string, [parent: string, instance: Error]> = {
  CancelledError: ["Error", new exceptions.CancelledError("m")],
  TimeoutError: ["Error", new exceptions.TimeoutError("m")],
  InvalidStateError: ["Error", new exceptions.InvalidStateError("m")],
  RuntimeError: ["Error", new exceptions.RuntimeError("m")],
  FatalError: ["Error", new exceptions.FatalError("m")],
  KeyboardInterrupt: ["FatalError", new exceptions.KeyboardInterrupt("m")],
  NotImplementedError: ["Error", new exceptions.NotImplementedError("m")],
  BrokenBarrierError: ["RuntimeError", new exceptions.BrokenBarrierError("m")],
  BrokenExecutor: ["RuntimeError", new exceptions.BrokenExecutor("m")],
  QueueEmpty: ["Error", new exceptions.QueueEmpty("m")],
  QueueFull: ["Error", new exceptions.QueueFull("m")],
  QueueShutDown: ["Error", new exceptions.QueueShutDown("m")],
  IncompleteReadError: ["Error", new exceptions.IncompleteReadError(new Uint8Array(1), 2)],
  LimitOverrunError: ["Error", new exceptions.LimitOverrunError("m", 1)],
  SendfileNotAvailableError: ["RuntimeError", new exceptions.SendfileNotAvailableError("m")],
  OSError: ["Error", new exceptions.OSError("m")],
  ConnectionError: ["OSError", new exceptions.ConnectionError("m")],
  ConnectionRefusedError: ["ConnectionError", new exceptions.ConnectionRefusedError("m")],
  ConnectionResetError: ["ConnectionError", new exceptions.ConnectionResetError("m")],
  ConnectionAbortedError: ["ConnectionError", new exceptions.ConnectionAbortedError("m")],
  BrokenPipeError: ["ConnectionError", new exceptions.BrokenPipeError("m")],
  BlockingIOError: ["OSError", new exceptions.BlockingIOError("m")],
  ProcessLookupError: ["OSError", new exceptions.ProcessLookupError("m")],
  FileNotFoundError: ["OSError", new exceptions.FileNotFoundError("m")],
  PermissionError: ["OSError", new exceptions.PermissionError("m")],
  GaiError: ["OSError", new exceptions.GaiError("m")],
  SSLError: ["OSError", new exceptions.SSLError("m")],
  SSLCertVerificationError: ["SSLError", new exceptions.SSLCertVerificationError("m")],
  WouldBlock: ["RuntimeError", new exceptions.WouldBlock("m")],
  ExceptionGroup: ["AggregateError", new exceptions.ExceptionGroup("m", [1])],
};

test("EXC-01: every class of the contract is there and derives from what Python's does", () => {
  const found = Object.entries(exceptions).map(([name, value]) => {
    return [name, Object.getPrototypeOf(value).name];
  });
  assert.deepEqual(
    Object.fromEntries(found),
    Object.fromEntries(Object.entries(family).map(([name, [parent]]) => [name, parent])),
  );
});

test("EXC-02: each is a real Error that carries its class's name, and prints it", () => {
  for (const [name, [, error]] of Object.entries(family)) {
    assert.ok(error instanceof Error, name);
    assert.equal(Object.prototype.toString.call(error), "[object Error]", name);
    assert.equal(error.name, name);
    assert.ok(String(error).startsWith(`${name}: `), String(error));
    assert.ok(error.stack?.startsWith(`${name}: `), error.stack);
  }
});

test("EXC-03: the name is neither an own nor an enumerable property", () => {
  for (const [name, [, error]] of Object.entries(family)) {
    assert.equal(Object.hasOwn(error, "name"), false, name);
    const keys: string[] = [];
    for (const key in error) keys.push(key);
    assert.equal(keys.includes("name"), false, name);
  }
});

test("EXC-04: the name is a literal, so it survives a minifier that renames the class", () => {
  class t extends Error {
    static {
      nameError(this, "TimeoutError");
    }
  }
  assert.deepEqual([new t().name, t.name, String(new t("m"))], [
    "TimeoutError",
    "TimeoutError",
    "TimeoutError: m",
  ]);
});

test("EXC-05: subclasses work: instanceof up the chain, own fields, own name where given", () => {
  class Stop extends CancelledError {
    readonly reason = 7;
  }
  class Named extends OSError {
    static {
      Object.defineProperty(this.prototype, "name", { value: "Named" });
    }
  }
  const stop = new Stop("now");
  assert.ok(stop instanceof CancelledError);
  assert.deepEqual([stop.message, stop.reason], ["now", 7]);
  assert.equal(String(new Named("x")), "Named: x");
});

test("EXC-06: a message is not needed and a cause can be given", () => {
  const cause = new Error("why");
  assert.equal(new CancelledError().message, "");
  assert.equal(String(new CancelledError()), "CancelledError");
  assert.equal(new CancelledError(undefined, { cause }).cause, cause);
  assert.equal(new TimeoutError("late", { cause }).cause, cause);
  assert.equal(new RuntimeError("bad", { cause }).cause, cause);
  assert.equal("cause" in new TimeoutError("late"), false);
});

test("EXC-07: the family lines that handlers rely on", () => {
  assert.ok(new KeyboardInterrupt() instanceof FatalError);
  assert.ok(new BrokenExecutor() instanceof RuntimeError);
  assert.ok(new SendfileNotAvailableError() instanceof RuntimeError);
  assert.equal((new CancelledError() as Error) instanceof FatalError, false);
});

test("EXC-08: an OSError fills in number and code; each class stands for its code", () => {
  const taken = new OSError("taken", { code: "EADDRINUSE", syscall: "listen" });
  assert.deepEqual([taken.code, taken.errno, taken.syscall], ["EADDRINUSE", 98, "listen"]);
  const unknown = new OSError("strange");
  assert.deepEqual([unknown.code, unknown.errno, unknown.syscall], ["UNKNOWN", null, null]);
  const codes = [
    new exceptions.ConnectionRefusedError(),
    new ConnectionResetError(),
    new exceptions.ConnectionAbortedError(),
    new exceptions.BrokenPipeError(),
    new exceptions.BlockingIOError(),
    new exceptions.ProcessLookupError(),
    new exceptions.FileNotFoundError(),
    new exceptions.PermissionError(),
    new GaiError(),
    new ConnectionError(),
    new SSLError(),
  ].map((error) => `${error.code} ${error.errno}`);
  assert.deepEqual(codes, [
    "ECONNREFUSED 111",
    "ECONNRESET 104",
    "ECONNABORTED 103",
    "EPIPE 32",
    "EAGAIN 11",
    "ESRCH 3",
    "ENOENT 2",
    "EACCES 13",
    "ENOTFOUND -2",
    "UNKNOWN null",
    "UNKNOWN null",
  ]);
});

test("EXC-09: an OSError takes another code, number and cause than its class's", () => {
  const cause = new Error("native");
  const error = new exceptions.PermissionError("no", { code: "EPERM", errno: null, cause });
  assert.deepEqual([error.code, error.errno, error.cause], ["EPERM", null, cause]);
});

test("EXC-10: a refused certificate says why; without a reason the message does", () => {
  const options = { code: "CERT_HAS_EXPIRED", verifyMessage: "certificate has expired" };
  const error = new SSLCertVerificationError("connect: too old", options);
  assert.deepEqual([error.verifyMessage, error.code, error.errno], [
    "certificate has expired",
    "CERT_HAS_EXPIRED",
    null,
  ]);
  assert.equal(new SSLCertVerificationError("too old").verifyMessage, "too old");
});

test("EXC-14: an incomplete read says how much of how much, and holds it", () => {
  const partial = new Uint8Array(18);
  const error = new IncompleteReadError(partial, 36);
  assert.equal(error.message, "18 bytes read on a total of 36 expected bytes");
  assert.deepEqual([error.partial, error.expected], [partial, 36]);
});

test("EXC-15: an incomplete read without a known total says undefined expected bytes", () => {
  const error = new IncompleteReadError(new Uint8Array(3), null);
  assert.equal(error.message, "3 bytes read on a total of undefined expected bytes");
  assert.equal(error.expected, null);
});

test("SR-29: both stream errors survive serialisation through their plain form", () => {
  const incomplete = new IncompleteReadError(new Uint8Array([1, 255]), 5);
  const limit = new LimitOverrunError("too long", 10);
  const copies = [
    JSON.parse(JSON.stringify([incomplete, limit])),
    structuredClone([incomplete.toJSON(), limit.toJSON()]),
  ];
  for (const [first, second] of copies) {
    const again = new IncompleteReadError(Uint8Array.from(first.partial), first.expected);
    assert.deepEqual(again.partial, incomplete.partial);
    assert.deepEqual([first.name, again.message, again.expected], [
      "IncompleteReadError",
      incomplete.message,
      5,
    ]);
    const over = new LimitOverrunError(second.message, second.consumed);
    assert.deepEqual([second.name, over.message, over.consumed], [
      "LimitOverrunError",
      "too long",
      10,
    ]);
  }
});

test("EXC-11: the library's own CancelledError is a real one, without frames outside debug mode", () => {
  const limit = Error.stackTraceLimit;
  const error = makeCancelledError("enough", false);
  assert.ok(error instanceof CancelledError);
  assert.equal(Object.prototype.toString.call(error), "[object Error]");
  assert.equal(Object.getPrototypeOf(error), CancelledError.prototype);
  assert.equal(String(error), "CancelledError: enough");
  assert.equal(error.stack?.includes("\n    at ") ?? false, false);
  assert.equal(Error.stackTraceLimit, limit);
  error.cause = "why";
  assert.equal(error.cause, "why");
  assert.deepEqual([makeCancelledError(undefined, false).message, "cause" in new Error()], [
    "",
    false,
  ]);
});

test("EXC-12: in debug mode the library's CancelledError has its frames", () => {
  const error = makeCancelledError("enough", true);
  assert.match(error.stack ?? "", /^CancelledError: enough\n\s+at /);
});

test("EXC-13: Error.isError knows each of them, where it exists", () => {
  const isError = (Error as { isError?: (value: unknown) => boolean }).isError ??
    ((value: unknown) => value instanceof Error);
  const errors = [
    ...Object.values(family).map(([, error]) => error),
    makeCancelledError("", false),
  ];
  assert.deepEqual(errors.map(isError), errors.map(() => true));
});
