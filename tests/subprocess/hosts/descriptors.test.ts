// What this process has open, handed to a child as one of its streams.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants,
  createWriteStream,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createSubprocessExec,
  createSubprocessShell,
  DEVNULL,
  NotImplementedError,
  openConnection,
  OSError,
  PIPE,
  STDOUT,
  type SubprocessOptions,
  type SubprocessProtocol,
} from "../../../mod.ts";
import { programCommand } from "../../_support/programs.ts";
import { runsInRealTime as runs } from "../../_support/tasks.ts";
import { openDescriptors, ownChildren, text, until } from "../../_support/processes.ts";

/** Runs the body with the descriptor of a new file, and what tells the file's content. */
async function withFile(
  body: (fd: number, content: () => string, path: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "subprocess-"));
  const path = join(folder, "file");
  const fd = openSync(path, "w+");
  try {
    await body(fd, () => readFileSync(path, "utf8"), path);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
}

runs("SUBP-03 SUBPX-01: stdout can be an open file, and is null then", async () => {
  await withFile(async (fd, content) => {
    const process = await createSubprocessShell("echo out; echo err >&2; exit 3", {
      stdout: fd,
      stderr: PIPE,
    });
    assert.equal(process.stdout, null);
    const [stdout, stderr] = await process.communicate();
    assert.deepEqual([stdout, text(stderr), process.returncode], [null, "err\n", 3]);
    assert.equal(content(), "out\n");
  });
});

runs("SUBP-03 SUBPX-01: stdin can be an open file, and is null then", async () => {
  await withFile(async (_fd, _content, path) => {
    writeFileSync(path, "one\ntwo\n");
    const input = openSync(path, "r");
    const process = await createSubprocessExec("cat", [], { stdin: input, stdout: PIPE });
    // The child has a copy of its own by now.
    closeSync(input);
    assert.equal(process.stdin, null);
    assert.equal(text((await process.communicate("ignored"))[0]), "one\ntwo\n");
  });
});

runs("SUBP-03 SUBPX-01: stderr can be an open file, beside pipes", async () => {
  await withFile(async (fd, content) => {
    const process = await createSubprocessShell("cat; echo err >&2", {
      stdin: PIPE,
      stdout: PIPE,
      stderr: fd,
    });
    assert.equal(process.stderr, null);
    const [stdout, stderr] = await process.communicate("input");
    assert.deepEqual([text(stdout), stderr, content()], ["input", null, "err\n"]);
  });
});

runs("SUBPX-02: all three can be one descriptor", async () => {
  await withFile(async (fd, content) => {
    const streams = { stdin: fd, stdout: fd, stderr: fd };
    const process = await createSubprocessShell("echo out; echo err >&2; cat", streams);
    assert.deepEqual([await process.wait(), content()], [0, "out\nerr\n"]);
  });
});

runs("SUBPX-02: an object with an fd will do: a FileHandle, an opened WriteStream", async () => {
  await withFile(async (_fd, content, path) => {
    const handle = await open(path, "a");
    try {
      assert.equal(await (await createSubprocessShell("echo 1", { stdout: handle })).wait(), 0);
    } finally {
      await handle.close();
    }
    const stream = createWriteStream(path, { flags: "a" });
    await once(stream, "open");
    const { fd } = stream as unknown as { fd: number };
    assert.equal(typeof fd, "number");
    const streams = { stdout: stream as unknown as { fd: number }, stderr: { fd } };
    assert.equal(await (await createSubprocessShell("echo 2; echo 3 >&2", streams)).wait(), 0);
    stream.end();
    await once(stream, "close");
    assert.equal(content(), "1\n2\n3\n");
  });
});

runs("SUBPX-03: the descriptor stays ours and open, its position is shared", async () => {
  await withFile(async (fd, content) => {
    await (await createSubprocessShell("echo child", { stdout: fd })).wait();
    const before = openDescriptors();
    writeSync(fd, "ours\n");
    for (let i = 0; i < 10; i++) {
      await (await createSubprocessShell(`echo ${i}`, { stdin: fd, stdout: fd })).wait();
    }
    await until(() => openDescriptors() <= before, "the release of all copies");
    assert.equal(content(), "child\nours\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  });
});

runs("SUBPX-04: stderr: STDOUT follows an open file, in order and without a shell", async () => {
  await withFile(async (fd, content) => {
    const script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
    const streams = { stdout: fd, stderr: STDOUT };
    assert.equal(await (await createSubprocessShell(script, streams)).wait(), 0);
    const env = { PATH: process.env.PATH!, A: "1" };
    await (await createSubprocessExec("env", [], { ...streams, env })).wait();
    const [, , , , , , ...lines] = content().trim().split("\n");
    assert.match(content(), /^out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n/);
    // A shell would have added some of its own.
    assert.deepEqual(lines.sort(), ["A=1", `PATH=${env.PATH}`]);
  });
});

runs("SUBPX-04: stderr: STDOUT follows DEVNULL, and a stdout that is ours", async () => {
  const silent = await createSubprocessShell("echo out; echo err >&2; exit 4", {
    stdout: DEVNULL,
    stderr: STDOUT,
  });
  assert.equal(await silent.wait(), 4);
  const program = new URL("./_joined_to_ours_program.ts", import.meta.url);
  const [command, ...args] = programCommand(program);
  const child = await createSubprocessExec(command, args, { stdout: PIPE, stderr: PIPE });
  const [stdout, stderr] = await child.communicate();
  assert.deepEqual([text(stdout), text(stderr)], ["out 1\nerr 1\nout 2\nerr 2\nended: 0\n", ""]);
});

runs("SUBPX-05: a child can talk over a connected socket", async () => {
  const server = createServer((socket) => socket.once("data", (data) => socket.end(data)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const [reader, writer] = await openConnection("127.0.0.1", port);
  const local = writer.getExtraInfo("sockname") as { port: number };
  const process = await createSubprocessExec("echo", ["from the child"], {
    stdout: socketDescriptor(local.port, port),
  });
  assert.equal(await process.wait(), 0);
  assert.equal(text(await reader.read()), "from the child\n");
  writer.close();
  await writer.waitClosed();
  server.close();
  await once(server, "close");
});

/** The descriptor of our connection between these ports: no runtime tells it. */
function socketDescriptor(localPort: number, remotePort: number): number {
  const port = (number: number) => `:${number.toString(16).toUpperCase().padStart(4, "0")}`;
  const line = ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((path) => readFileSync(path, "latin1").split("\n").slice(1))
    .map((line) => line.trim().split(/\s+/))
    .find(([, local, remote]) =>
      local?.endsWith(port(localPort)) && remote?.endsWith(port(remotePort))
    );
  const link = `socket:[${line![9]}]`;
  const fd = readdirSync("/proc/self/fd").find((fd) => linkOf(fd) === link);
  return Number(fd);
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch (error) {
    // The one by which the folder was read is gone again.
    assert.equal((error as { code: string }).code, "ENOENT");
    return "";
  }
}

runs("SUBPX-05: two children joined by a pipe, with nothing of us between them", async () => {
  await withFile(async (_fd, _content, path) => {
    const fifo = `${path}.fifo`;
    execFileSync("mkfifo", [fifo]);
    // A fifo opens when both sides are there; only this way round both can be opened by one process.
    const door = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const writing = openSync(fifo, "w");
    const reading = openSync(fifo, "r");
    closeSync(door);
    const source = await createSubprocessShell(
      "i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done",
      {
        stdout: writing,
      },
    );
    const sink = await createSubprocessExec("wc", ["-l"], { stdin: reading, stdout: PIPE });
    closeSync(writing);
    closeSync(reading);
    const [stdout] = await sink.communicate();
    assert.equal(text(stdout).trim(), "2000");
    assert.equal(await source.wait(), 0);
  });
});

runs("SUBPX-06: a number that is no descriptor is a RangeError", async (loop) => {
  for (const fd of [-1, NaN, 1.5, Infinity, 2 ** 31]) {
    for (const name of ["stdin", "stdout", "stderr"]) {
      for (const value of [fd, { fd }]) {
        const options = { [name]: value } as SubprocessOptions;
        const matches = (error: unknown) =>
          error instanceof RangeError && error.message.includes(`as ${name}: `) &&
          error.message.includes("a file descriptor");
        await assert.rejects(createSubprocessExec("true", [], options), matches);
        await assert.rejects(createSubprocessShell("true", options), matches);
        await assert.rejects(loop.subprocessExec(() => ({}), "true", [], options), matches);
      }
    }
  }
});

runs("SUBPX-06: a file that is closed, or not open yet, says so", async () => {
  await withFile(async (_fd, _content, path) => {
    const handle = await open(path);
    await handle.close();
    await assert.rejects(createSubprocessExec("true", [], { stdin: handle }), /it is closed/);
    const stream = createWriteStream(path);
    const early = { stdout: stream as unknown as { fd: number } };
    await assert.rejects(
      createSubprocessExec("true", [], early),
      (error) => error instanceof TypeError && /is it open yet\?/.test(error.message),
    );
    stream.end();
    await once(stream, "close");
  });
});

runs("SUBPX-06: another type is a TypeError that shows what can be given", async () => {
  for (const value of [true, 1n, {}, [], () => 1, Symbol("fd"), { fd: "1" }, { fd: null }]) {
    const options = { stderr: value } as unknown as SubprocessOptions;
    await assert.rejects(
      createSubprocessExec("true", [], options),
      (error) =>
        error instanceof TypeError &&
        /as stderr: .*PIPE, DEVNULL, STDOUT, null, a file descriptor/.test(error.message),
    );
  }
  const wrong = { stdout: "pipes" } as unknown as SubprocessOptions;
  await assert.rejects(createSubprocessExec("true", [], wrong), /"pipes" as stdout: PIPE, DEVNULL/);
});

runs("SUBPX-07: a descriptor that is not open is an OSError, and nothing is left", async () => {
  await (await createSubprocessExec("true", [], { stdin: PIPE, stdout: PIPE })).communicate();
  const descriptors = openDescriptors();
  const children = ownChildren();
  for (
    const options of [{ stdin: 987654 }, { stdin: PIPE, stdout: 987654, stderr: PIPE }] as const
  ) {
    await assert.rejects(
      createSubprocessExec("true", [], options),
      (error) =>
        error instanceof OSError && error.code === "EBADF" && error.syscall === "spawn" &&
        /: 987654: there is no such open descriptor/.test(error.message),
    );
  }
  await until(() => openDescriptors() <= descriptors, "the release of the pipes");
  assert.deepEqual(ownChildren(), children);
});

runs("SUBPX-07: a standard stream of ours used the other way round", async () => {
  const start = () => createSubprocessExec("true", [], { stdin: 1, stdout: 2, stderr: 0 });
  // Bun takes its own first three for what they are for only.
  if (!("Bun" in globalThis)) assert.equal(await (await start()).wait(), 0);
  else {
    await assert.rejects(
      start(),
      (error) =>
        error instanceof NotImplementedError &&
        /with stdin: 1, stdout: 2, stderr: 0: this runtime/.test(error.message),
    );
  }
});

runs("SUBPX-08: loop.subprocessExec takes them too, and tells of no pipe", async (loop) => {
  await withFile(async (fd, content) => {
    const events: string[] = [];
    const ended = loop.createFuture<void>();
    const protocol: SubprocessProtocol = {
      pipeDataReceived: () => void events.push("data"),
      pipeConnectionLost: (fd) => void events.push(`lost ${fd}`),
      processExited: () => void events.push("exited"),
      connectionLost: () => ended.setResult(),
    };
    const options = { stdin: DEVNULL, stdout: fd, stderr: STDOUT } as const;
    const [transport] = await loop.subprocessExec(() => protocol, "echo", ["hello"], options);
    const pipes = [transport.getPipeTransport(0), transport.getPipeTransport(1)];
    assert.deepEqual([...pipes, transport.getPipeTransport(2)], [null, null, null]);
    await ended;
    assert.deepEqual([events, content(), transport.getReturncode()], [["exited"], "hello\n", 0]);
  });
});

runs("SUBP-05 SUBPX-08: how a child with open files ends is told in full", async () => {
  await withFile(async (fd) => {
    for (const [signal, returncode] of [["SIGTERM", -15], ["SIGRTMIN+3", -37]] as const) {
      const process = await createSubprocessExec("sleep", ["60"], { stdin: fd, stdout: fd });
      process.sendSignal(signal);
      assert.equal(await process.wait(), returncode);
      const script = `kill -${-returncode} $$`;
      const own = await createSubprocessShell(script, { stdin: fd, stdout: fd, stderr: fd });
      assert.equal(await own.wait(), returncode);
    }
  });
});
