import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { lookup } from "node:dns/promises";
import { type EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import * as exceptions from "../../../runtime/errors/exceptions.ts";
import { toOSError, translateError } from "../../../runtime/errors/native_errors.ts";

const { OSError } = exceptions;

/** What a runtime threw or emitted: the error that comes out of `fail`. */
async function caught(fail: () => unknown): Promise<unknown> {
  try {
    await fail();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

/** The event or, as a rejection, the error that an emitter answers with. */
function opened(emitter: EventEmitter, event: string): Promise<unknown> {
  return once(emitter, event);
}

async function listening(): Promise<[server: Server, port: number]> {
  const server = createServer();
  await opened(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return [server, address.port];
}

async function closedPort(): Promise<number> {
  const [server, port] = await listening();
  server.close();
  await once(server, "close");
  return port;
}

async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "os-errors-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Deno's own API where it is: the same failures, in other clothes. */
interface DenoLike {
  connect(options: object): Promise<unknown>;
  listen(options: object): { close(): void };
  readFile(path: string): Promise<unknown>;
  kill(pid: number, signal: string): void;
  Command: new (program: string) => { spawn(): unknown };
}
const deno = Reflect.get(globalThis, "Deno") as DenoLike | undefined;

/** The same failure by node: and, where it exists, by Deno's own call. */
async function bothWays(
  node: () => unknown,
  native: (api: DenoLike) => unknown,
): Promise<unknown[]> {
  const errors = [await caught(node)];
  if (deno !== undefined) errors.push(await caught(() => native(deno)));
  return errors;
}

test("OSE-01: a closed port is ConnectionRefusedError with one text on every runtime", async () => {
  const port = await closedPort();
  const errors = await bothWays(
    () => opened(connect(port, "127.0.0.1"), "connect"),
    (api) => api.connect({ hostname: "127.0.0.1", port }),
  );
  for (const error of errors) {
    const converted = toOSError(error, "connect", `127.0.0.1:${port}`);
    assert.ok(converted instanceof exceptions.ConnectionRefusedError);
    assert.deepEqual({ ...converted }, { code: "ECONNREFUSED", errno: 111, syscall: "connect" });
    assert.equal(
      converted.message,
      `connect 127.0.0.1:${port}: connection refused (ECONNREFUSED)`,
    );
    assert.equal(converted.cause, error);
  }
});

test("OSE-02: a missing unix socket is FileNotFoundError", async () => {
  const errors = await bothWays(
    () => opened(connect("/nowhere/at.sock"), "connect"),
    (api) => api.connect({ transport: "unix", path: "/nowhere/at.sock" }),
  );
  for (const error of errors) {
    const converted = toOSError(error, "connect", "/nowhere/at.sock");
    assert.ok(converted instanceof exceptions.FileNotFoundError);
    assert.equal(
      converted.message,
      "connect /nowhere/at.sock: no such file or directory (ENOENT)",
    );
  }
});

test("OSE-03: an address in use is EADDRINUSE and named", async () => {
  const [server, port] = await listening();
  const errors = await bothWays(
    () => opened(createServer().listen(port, "127.0.0.1"), "listening"),
    (api) => api.listen({ hostname: "127.0.0.1", port }),
  );
  server.close();
  for (const error of errors) {
    const converted = toOSError(error, "listen", `127.0.0.1:${port}`);
    assert.deepEqual([converted.code, converted.errno], ["EADDRINUSE", 98]);
    assert.equal(
      converted.message,
      `listen 127.0.0.1:${port}: address already in use (EADDRINUSE)`,
    );
  }
});

test("OSE-04: a missing program is FileNotFoundError", async () => {
  const errors = await bothWays(
    () => opened(spawn("no-such-program"), "spawn"),
    (api) => new api.Command("no-such-program").spawn(),
  );
  for (const error of errors) {
    const converted = toOSError(error, "spawn", "no-such-program");
    assert.ok(converted instanceof exceptions.FileNotFoundError);
    assert.equal(converted.message, "spawn no-such-program: no such file or directory (ENOENT)");
  }
});

test("OSE-05: a file that may not be run is PermissionError", async () => {
  const errors = await inFolder(async (folder) => {
    const file = join(folder, "plain");
    await writeFile(file, "not a program");
    return await bothWays(
      () => opened(spawn(file), "spawn"),
      (api) => new api.Command(file).spawn(),
    );
  });
  for (const error of errors) {
    const converted = toOSError(error, "spawn");
    assert.ok(converted instanceof exceptions.PermissionError);
    assert.deepEqual([converted.code, converted.errno], ["EACCES", 13]);
  }
});

test("OSE-06: a file in the place of a folder is OSError ENOTDIR", async () => {
  const errors = await inFolder(async (folder) => {
    const file = join(folder, "plain");
    await writeFile(file, "");
    const inside = join(file, "inside");
    return await bothWays(() => readFile(inside), (api) => api.readFile(inside));
  });
  for (const error of errors) {
    const converted = toOSError(error);
    assert.equal(Object.getPrototypeOf(converted), OSError.prototype);
    assert.deepEqual([converted.code, converted.errno], ["ENOTDIR", 20]);
  }
});

test("OSE-07: a process that is gone is ProcessLookupError, also where Deno says NotFound", async () => {
  const errors = await bothWays(
    () => process.kill(2_147_480_000, "SIGTERM"),
    (api) => api.kill(2_147_480_000, "SIGTERM"),
  );
  for (const error of errors) {
    assert.ok(toOSError(error, "kill") instanceof exceptions.ProcessLookupError);
  }
});

test("OSE-08: a name that does not exist is GaiError, whatever call asked for it", async () => {
  const hostname = "no-such-host.invalid";
  const errors = await bothWays(
    () => lookup(hostname),
    (api) => api.connect({ hostname, port: 9 }),
  );
  for (const error of errors) {
    const converted = toOSError(error, "connect", hostname);
    assert.ok(converted instanceof exceptions.GaiError);
    assert.equal(converted.syscall, "getaddrinfo");
    assert.match(converted.message, /^getaddrinfo no-such-host\.invalid: .* \((\w+)\)$/);
    assert.ok((converted.errno ?? 0) < 0);
  }
});

test("OSE-09: a socket whose other side has gone is ConnectionError, broken pipe or reset", async () => {
  const server = createServer((socket) => socket.destroy());
  await opened(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  const socket = connect({ port: address.port, host: "127.0.0.1", allowHalfOpen: true });
  const failed = once(socket, "error");
  // The first write after the end meets an answer (RST), a later one the error; which it is, is the kernel's timing.
  const write = (): unknown => socket.destroyed || socket.write("x", () => setImmediate(write));
  socket.on("end", write).resume();
  const [error] = await failed;
  server.close();
  const converted = toOSError(error, "write");
  const { BrokenPipeError, ConnectionResetError } = exceptions;
  assert.ok(converted instanceof exceptions.ConnectionError);
  assert.ok(
    converted instanceof (converted.code === "EPIPE" ? BrokenPipeError : ConnectionResetError),
  );
});

/** An error as a runtime makes it: a class name, a text, further fields. */
function made(name: string, message: string, fields: object = {}): Error {
  return Object.assign(new Error(message), fields, { name });
}

test("OSE-10: Deno's classes without a code map by their name", () => {
  const codes: Record<string, string> = {
    ConnectionRefused: "ECONNREFUSED",
    ConnectionReset: "ECONNRESET",
    ConnectionAborted: "ECONNABORTED",
    NotConnected: "ENOTCONN",
    AddrInUse: "EADDRINUSE",
    AddrNotAvailable: "EADDRNOTAVAIL",
    BrokenPipe: "EPIPE",
    NotFound: "ENOENT",
    PermissionDenied: "EACCES",
    BadResource: "EBADF",
    Interrupted: "EINTR",
    TimedOut: "ETIMEDOUT",
    WouldBlock: "EAGAIN",
    AlreadyExists: "EEXIST",
  };
  for (const [name, code] of Object.entries(codes)) {
    assert.equal(toOSError(made(name, "text")).code, code, name);
  }
});

test("OSE-11: a permission that Deno refuses is PermissionError and names the flag", () => {
  const text = 'Requires net access to "127.0.0.1:1", run again with the --allow-net flag';
  const error = toOSError(made("NotCapable", text), "connect", "127.0.0.1:1");
  assert.ok(error instanceof exceptions.PermissionError);
  assert.equal(error.code, "EPERM");
  assert.equal(
    error.message,
    "Cannot connect to 127.0.0.1:1: Deno was not given the permission, run it with --allow-net=127.0.0.1:1",
  );
  const lookedUp = made("Error", "getaddrinfo EPERM localhost", {
    code: "EPERM",
    syscall: "getaddrinfo",
  });
  const refused = toOSError(lookedUp, "connect", "localhost");
  assert.ok(refused instanceof exceptions.PermissionError);
  assert.equal(
    refused.message,
    "Cannot look up localhost: Deno was not given the permission, run it with --allow-net",
  );
});

test("OSE-12: TLS failures are SSLError with one text, whatever the library wrote", () => {
  const code = "ERR_SSL_WRONG_VERSION_NUMBER";
  for (const message of ["40AB:error:0A00010B:SSL routines:x:../deps/y.c:77:", "corrupt message"]) {
    const error = toOSError(made("Error", message, { code }), "connect", "h:1");
    assert.equal(Object.getPrototypeOf(error), exceptions.SSLError.prototype);
    assert.equal(error.message, `connect h:1: wrong version number (${code})`);
    assert.deepEqual([error.code, error.errno], [code, null]);
  }
});

test("OSE-13: a refused certificate is SSLCertVerificationError and says why", () => {
  const code = "DEPTH_ZERO_SELF_SIGNED_CERT";
  for (const message of ["self signed certificate", "self-signed certificate; try this"]) {
    const error = toOSError(made("Error", message, { code }), "connect", "h:1");
    assert.ok(error instanceof exceptions.SSLCertVerificationError);
    assert.equal(error.verifyMessage, "self-signed certificate");
    assert.equal(error.message, `connect h:1: self-signed certificate (${code})`);
  }
  const reason = "Host: other. is not in the cert's altnames: DNS:localhost";
  const other = toOSError(
    made("Error", `Hostname does not match: ${reason}`, {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      reason,
    }),
  );
  assert.ok(other instanceof exceptions.SSLCertVerificationError);
  assert.equal(other.verifyMessage, reason);
});

test("OSE-14: a stream that Node stopped itself counts as the lost connection it is", () => {
  const lost = toOSError(made("Error", "destroyed", { code: "ERR_STREAM_DESTROYED" }), "write");
  assert.ok(lost instanceof exceptions.ConnectionResetError);
  const ended = toOSError(made("Error", "ended", { code: "ERR_STREAM_WRITE_AFTER_END" }));
  assert.ok(ended instanceof exceptions.BrokenPipeError);
});

test("OSE-15: without arguments the error's own call and address are told", () => {
  const fields = { code: "ECONNREFUSED", syscall: "connect", address: "::1", port: 9 };
  const text = ": connection refused (ECONNREFUSED)";
  assert.equal(toOSError(made("Error", "x", fields)).message, `connect [::1]:9${text}`);
  const program = { code: "ENOENT", syscall: "spawn /x/y", path: "/x/y" };
  const missing = toOSError(made("Error", "x", program));
  assert.deepEqual([missing.message, missing.syscall], [
    "spawn /x/y: no such file or directory (ENOENT)",
    "spawn",
  ]);
});

test("OSE-16: an OSError comes back as it is", () => {
  const error = new exceptions.ConnectionResetError("Connection lost");
  assert.equal(toOSError(error, "read"), error);
  assert.equal(translateError(error, "read"), error);
});

test("OSE-17: what is no system error becomes an OSError with its own text", () => {
  const native = new RangeError("Port should be >= 0 and < 65536");
  const error = toOSError(native, "connect");
  assert.equal(error.message, "connect: Port should be >= 0 and < 65536");
  assert.deepEqual([error.code, error.errno, error.cause], ["UNKNOWN", null, native]);
  assert.equal(toOSError("thrown text").message, "thrown text");
});

test("OSE-18: translateError leaves alone what is no system error", () => {
  const others = [
    made("AbortError", "The operation was aborted", { code: "ABORT_ERR" }),
    new DOMException("aborted", "AbortError"),
    new RangeError("Port should be >= 0 and < 65536"),
    made("RangeError", "bad port", { code: "ERR_SOCKET_BAD_PORT" }),
    "thrown text",
    null,
    undefined,
  ];
  for (const error of others) assert.equal(translateError(error, "connect"), error);
  const refused = made("Error", "x", { code: "ECONNREFUSED" });
  assert.ok(translateError(refused) instanceof exceptions.ConnectionRefusedError);
});

test("OSE-19: where all addresses of a host fail, the first one's code speaks", () => {
  const each = made("Error", "x", { code: "ECONNREFUSED" });
  const error = toOSError(new AggregateError([each, each], ""), "connect", "localhost:9");
  assert.ok(error instanceof exceptions.ConnectionRefusedError);
});
