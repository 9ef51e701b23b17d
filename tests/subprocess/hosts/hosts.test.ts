// The hosts alone, without a loop: what every runtime has to give before transports and tasks come into it.
import assert from "node:assert/strict";
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  FileNotFoundError,
  OSError,
  PermissionError,
  ProcessLookupError,
} from "../../../runtime/errors/exceptions.ts";
import { signalNumber } from "../../../runtime/base/signal_names.ts";
import { host } from "../../../subprocess/start_process.ts";
import {
  ended,
  readAll,
  readSome,
  readText,
  script,
  shutdown,
  spawn,
  write,
} from "../../_support/raw_children.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("SUBP-01: the host feeds stdin, reads stdout and stderr, and tells the exit code", async () => {
  const child = await spawn(
    script("cat; echo done >&2; exit 3", { stdin: "pipe", stdout: "pipe", stderr: "pipe" }),
  );
  assert.equal(await write(child.stdin, bytes("hello ")), null);
  assert.equal(await write(child.stdin, bytes("world")), null);
  assert.equal(await shutdown(child.stdin), null);
  assert.equal(await readText(child.stdout), "hello world");
  assert.equal(await readText(child.stderr), "done\n");
  assert.equal(await ended(child), 3);
  child.stdin!.close();
});

test("SUBP-03: streams that are not piped are null in the host's child", async () => {
  const child = await spawn(script("exit 0"));
  assert.deepEqual([child.stdin, child.stdout, child.stderr], [null, null, null]);
  assert.equal(await ended(child), 0);
});

test("SUBP-05: every signal that ends a child is told as its negative number", async () => {
  for (const name of ["SIGHUP", "SIGINT", "SIGKILL", "SIGUSR1", "SIGTERM"]) {
    const child = await spawn(script("exec sleep 60"));
    child.kill(signalNumber(name));
    assert.equal(await ended(child), -signalNumber(name), name);
  }
});

for (const piped of ["null", "pipe"] as const) {
  test(`SUBP-05: real-time signals end a child as any other, streams: ${piped}`, async () => {
    for (const number of [34, 35, 50, 64]) {
      const child = await spawn(script(`kill -${number} $$`, { stdout: piped, stderr: piped }));
      if (piped === "pipe") await Promise.all([readAll(child.stdout), readAll(child.stderr)]);
      assert.equal(await ended(child), -number);
    }
  });
}

test("SUBP-05: a real-time signal can be sent", async () => {
  const child = await spawn(script("exec sleep 60"));
  child.kill(signalNumber("SIGRTMIN+2"));
  assert.equal(await ended(child), -36);
});

test("SUBP-05: a signal to a child that has ended is a ProcessLookupError or nothing", async () => {
  const child = await spawn(script("exit 0"));
  await ended(child);
  assert.throws(() => child.kill(15), ProcessLookupError);
});

test("SUBP-04: a new session leads its own group, which can be killed as a whole", async () => {
  const child = await spawn(
    script("sleep 60 & echo $(ps -o sid= -p $$) $(ps -o pgid= -p $!); wait", {
      stdout: "pipe",
      newSession: true,
    }),
  );
  const text = new TextDecoder().decode(await readSome(child.stdout));
  assert.deepEqual(text.trim().split(" ").map(Number), [child.pid, child.pid]);
  child.killGroup(9);
  assert.equal(await ended(child), -9);
  // Only the end of the grandchild ends the stream.
  assert.equal(await readText(child.stdout), "");
});

test("SUBP-15: output can be read to its end long after the exit", async () => {
  const child = await spawn(
    script("head -c 60000 /dev/zero; echo error >&2", { stdout: "pipe", stderr: "pipe" }),
  );
  assert.equal(await ended(child), 0);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await readAll(child.stdout)).length, 60_000);
  assert.equal(await readText(child.stderr), "error\n");
});

test("SUBP-09: a reader that stops holds the child back, and loses nothing", async () => {
  const child = await spawn(
    script("head -c 10000000 /dev/zero; echo done >&2", { stdout: "pipe", stderr: "pipe" }),
  );
  const first = (await readSome(child.stdout)).length;
  let finished = false;
  const error = readText(child.stderr).then((text) => (finished = true, text));
  // Time enough to write it all, were it not held back.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(finished, false);
  assert.equal(first + (await readAll(child.stdout)).length, 10_000_000);
  assert.equal(await error, "done\n");
  assert.equal(await ended(child), 0);
});

test("SUBP-07: writing to a child that has closed its stdin is a broken pipe", async () => {
  const child = await spawn(
    script("exec <&-; echo closed; read x <&1; sleep 60", { stdin: "pipe", stdout: "pipe" }),
  );
  await readSome(child.stdout);
  const error = await write(child.stdin, bytes("x"));
  assert.ok(
    error instanceof OSError && ["EPIPE", "ECONNRESET"].includes(error.code),
    String(error),
  );
  child.stdin!.close();
  child.stdout!.close();
  child.kill(9);
  await ended(child);
});

test("SUBP-07: a write under way fails when the child dies", async () => {
  const child = await spawn(script("exec sleep 60", { stdin: "pipe" }));
  const chunk = new Uint8Array(65536);
  let pending: Promise<Error | null>;
  let stuck = false;
  do {
    pending = write(child.stdin, chunk);
    stuck = await Promise.race([
      pending.then(() => false),
      new Promise<true>((resolve) => setTimeout(resolve, 100, true)),
    ]);
  } while (!stuck);
  child.kill(9);
  const error = await pending;
  assert.ok(
    error instanceof OSError && ["EPIPE", "ECONNRESET"].includes(error.code),
    String(error),
  );
  assert.equal(await ended(child), -9);
  child.stdin!.close();
});

test("SUBP-10: closing our end of stdin is the end of input for the child", async () => {
  const child = await spawn(script("wc -c", { stdin: "pipe", stdout: "pipe" }));
  assert.equal(await write(child.stdin, bytes("12345")), null);
  child.stdin!.close();
  assert.equal((await readText(child.stdout)).trim(), "5");
  assert.equal(await ended(child), 0);
});

test("SUBP-27: closing our end of stdout breaks the child's pipe, also while we read", async () => {
  for (const reading of [false, true]) {
    const child = await spawn(script("sleep 0.05; exec yes", { stdout: "pipe" }));
    const unwanted: unknown[] = [];
    const note = (value: unknown): void => void unwanted.push(value);
    if (reading) {
      child.stdout!.startReading({ onData: note, onEof: () => note("eof"), onError: note });
    }
    child.stdout!.close();
    const code = await ended(child);
    // By the signal, or because the write fails: with a reset where the pipe is a socket.
    assert.ok(code === -signalNumber("SIGPIPE") || code === 1, String(code));
    assert.deepEqual(unwanted, []);
  }
});

test("SUBP-14: a missing program is a FileNotFoundError that names it", async () => {
  for (const program of ["no-such-program-anywhere", "/no/such/program", "./no-such-program", ""]) {
    await assert.rejects(
      spawn(script("", { program, args: [], stdin: "pipe", stdout: "pipe" })),
      (error) =>
        error instanceof FileNotFoundError && error.code === "ENOENT" &&
        error.message.includes(program),
    );
    await assert.rejects(host.check(script("", { program })), FileNotFoundError);
  }
});

test("SUBP-14: a missing program is noticed however many descriptors are open", async () => {
  // What a host passes to a child must not be in the way of the pipe by which the failure is told.
  const open: number[] = [];
  try {
    for (let i = 0; i < 40; i++) {
      await assert.rejects(spawn(script("", { program: "/no/such/program" })), FileNotFoundError);
      open.push(openSync("/dev/null", "r"));
    }
  } finally {
    open.forEach((fd) => closeSync(fd));
  }
});

test("SUBP-14: a working directory that is missing or none is told apart from a missing program", async () => {
  await assert.rejects(
    spawn(script("exit 0", { cwd: "/no/such/directory" })),
    (error) => error instanceof FileNotFoundError && /directory/.test(error.message),
  );
  await assert.rejects(
    spawn(script("exit 0", { cwd: "/etc/passwd" })),
    (error) => error instanceof OSError && error.code === "ENOTDIR",
  );
});

test("SUBP-14: what may not be executed is a PermissionError", async () => {
  for (const program of ["/etc/passwd", "/tmp"]) {
    await assert.rejects(spawn(script("", { program, args: [] })), PermissionError);
    await assert.rejects(host.check(script("", { program })), PermissionError);
  }
});

test("SUBP-14: too long an argument list is an OSError", async () => {
  await assert.rejects(
    spawn(script("", { program: "true", args: ["x".repeat(300_000)] })),
    (error) => error instanceof OSError && error.code === "E2BIG",
  );
});

test("SUBP-19: env is the whole environment, its PATH finds the program", async () => {
  const directory = mkdtempSync(join(tmpdir(), "subprocess-"));
  try {
    writeFileSync(join(directory, "my-program"), "#!/bin/sh\nexport -p\nexit 4\n", { mode: 0o755 });
    const request = script("", {
      program: "my-program",
      args: [],
      env: { PATH: directory, GREETING: "hello" },
      stdout: "pipe",
    });
    await host.check(request);
    const child = await spawn(request);
    const text = await readText(child.stdout);
    assert.match(text, /GREETING='?"?hello/);
    assert.doesNotMatch(text, /HOME/);
    assert.equal(await ended(child), 4);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("SUBP-19: cwd is where the child runs, and what a relative program is relative to", async () => {
  const directory = mkdtempSync(join(tmpdir(), "subprocess-"));
  try {
    writeFileSync(join(directory, "here"), "#!/bin/sh\npwd\n", { mode: 0o755 });
    const request = script("", { program: "./here", args: [], cwd: directory, stdout: "pipe" });
    await host.check(request);
    const child = await spawn(request);
    assert.equal((await readText(child.stdout)).trim(), directory);
    assert.equal(await ended(child), 0);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
