import { core } from "../../../runtime/core/loop_core.ts";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  BrokenPipeError,
  createTask,
  type EventLoop,
  FileNotFoundError,
  newEventLoop,
  OSError,
  type ReadTransport,
  StreamReader,
  StreamReaderProtocol,
  timeout,
  TimeoutError,
  type WriteTransport,
} from "../../../mod.ts";
import { CapturedContext } from "../../../runtime/core/captured_context.ts";
import { ReadPipeTransport, WritePipeTransport } from "../../../net/pipes/pipe_transports.ts";
import { FakeChannel, Recorder } from "../../_support/fake_channel.ts";
import { bytes, pattern, runs, text, ticks, until, withPath } from "../../_support/streams.ts";

/** Runs `body` with a FIFO. */
async function withFifo(body: (path: string) => Promise<void>): Promise<void> {
  await withPath(async (path) => {
    execFileSync("mkfifo", [path]);
    await body(path);
  });
}

interface Pipe {
  reading: ReadTransport;
  reader: Recorder;
  writing: WriteTransport;
  writer: Recorder;
}

/** Both ends of a FIFO. */
async function pipeOf(loop: EventLoop, path: string): Promise<Pipe> {
  const [[reading, reader], [writing, writer]] = await Promise.all([
    loop.connectReadPipe(() => new Recorder(), path),
    loop.connectWritePipe(() => new Recorder(), path),
  ]);
  return { reading, reader, writing, writer };
}

runs("PIPE-01: connectReadPipe() goes from made over data and end to lost", async ({ loop }) => {
  await withFifo(async (path) => {
    const { reading, reader, writing, writer } = await pipeOf(loop, path);
    assert.deepEqual(reader.log, ["made"]);
    assert.equal(reading.getExtraInfo("pipe"), path);
    writing.write("1");
    await until(() => reader.received === "1");
    writing.write("2345");
    await until(() => reader.received === "12345");
    writing.close();
    await until(() => reader.lost !== undefined);
    assert.deepEqual(reader.log.filter((entry) => entry !== "data"), ["made", "eof", "lost"]);
    assert.equal(reader.lost, null);
    assert.equal(writer.lost, null);
  });
});

runs(
  "PIPE-01: a StreamReader reads lines of a pipe that another process writes",
  async ({ loop }) => {
    await withFifo(async (path) => {
      const { spawn } = await import("node:child_process");
      const child = spawn("sh", ["-c", 'printf "one\\ntwo\\n" > "$0"', path]);
      const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
      const reader = new StreamReader();
      await loop.connectReadPipe(() => new StreamReaderProtocol(reader), path);
      const lines: string[] = [];
      for await (const line of reader) lines.push(text(line));
      assert.deepEqual(lines, ["one\n", "two\n"]);
      await exited;
    });
  },
);

runs("PIPE-01: a web stream is a pipe too", async ({ loop }) => {
  const stream = new Blob(["from the web"]).stream();
  const [transport, protocol] = await loop.connectReadPipe(() => new Recorder(), stream);
  assert.equal(transport.getExtraInfo("pipe"), stream);
  await until(() => protocol.lost !== undefined);
  assert.equal(protocol.received, "from the web");
  assert.deepEqual(protocol.log.at(-1), "lost");
});

runs("PIPE-01: an object with a readable web stream, and a stream of node's", async ({ loop }) => {
  const [, first] = await loop.connectReadPipe(
    () => new Recorder(),
    { readable: new Blob(["opened"]).stream() },
  );
  const { Readable } = await import("node:stream");
  const node = Readable.from([bytes("of "), bytes("node")], { objectMode: false });
  const [, second] = await loop.connectReadPipe(
    () => new Recorder(),
    node as unknown as { readable: ReadableStream<Uint8Array> },
  );
  await until(() => first.lost === null && second.lost === null);
  assert.equal(first.received + second.received, "openedof node");
});

runs("PIPE-01: regular files and folders are refused", async ({ loop }) => {
  await withPath(async (path) => {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(path, "text");
    const folder = path.slice(0, path.lastIndexOf("/"));
    for (const wrong of [path, folder]) {
      await assert.rejects(loop.connectReadPipe(() => new Recorder(), wrong), RangeError);
      await assert.rejects(loop.connectWritePipe(() => new Recorder(), wrong), RangeError);
    }
    await assert.rejects(
      loop.connectReadPipe(() => new Recorder(), `${path}.missing`),
      FileNotFoundError,
    );
    await assert.rejects(
      loop.connectWritePipe(() => new Recorder(), 7 as unknown as string),
      TypeError,
    );
  });
});

runs("PIPE-01: waiting for the other end of a FIFO can be given up", async ({ loop }) => {
  await withFifo(async (path) => {
    const other = `${path}.other`;
    execFileSync("mkfifo", [other]);
    const read = () => loop.connectReadPipe(() => new Recorder(), path);
    const write = () => loop.connectWritePipe(() => new Recorder(), other);
    await assert.rejects(timeout(0.05).with(read), TimeoutError);
    await assert.rejects(timeout(0.05).with(write), TimeoutError);
    // Nothing of it is left: the next two find each other.
    const pipe = await pipeOf(loop, path);
    pipe.writing.write("still good");
    pipe.writing.close();
    await until(() => pipe.reader.lost === null);
    assert.equal(pipe.reader.received, "still good");
  });
});

runs("PIPE-01: a device is a pipe, one that has ended already", async ({ loop }) => {
  const [, protocol] = await loop.connectReadPipe(() => new Recorder(), "/dev/null");
  await until(() => protocol.lost !== undefined);
  assert.deepEqual(protocol.log, ["made", "eof", "lost"]);
});

runs("PIPE-02: connectWritePipe() delivers in order, and close() ends it", async ({ loop }) => {
  await withFifo(async (path) => {
    const { reader, writing, writer } = await pipeOf(loop, path);
    assert.equal(writing.getExtraInfo("pipe"), path);
    const all = pattern(2_000_000);
    let got = 0;
    reader.dataReceived = (data) => {
      assert.equal(Buffer.compare(data, all.subarray(got, got + data.length)), 0);
      got += data.length;
    };
    for (let at = 0; at < all.length; at += 100_000) writing.write(all.subarray(at, at + 100_000));
    assert.ok(writing.getWriteBufferSize() > 0);
    writing.close();
    await until(() => writer.lost !== undefined && reader.lost !== undefined);
    assert.equal(writer.lost, null);
    assert.equal(got, all.length);
  });
});

runs("PIPE-02: a web stream is written to, and closed at the end", async ({ loop }) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const all = new Response(readable).text();
  const [transport, protocol] = await loop.connectWritePipe(() => new Recorder(), { writable });
  transport.writelines(["in ", "pieces"]);
  transport.writeEof();
  assert.equal(await all, "in pieces");
  await until(() => protocol.lost === null);
});

runs("PIPE-02: a device takes what is written", async ({ loop }) => {
  const [transport, protocol] = await loop.connectWritePipe(() => new Recorder(), "/dev/null");
  transport.write(pattern(100_000));
  transport.close();
  await until(() => protocol.lost !== undefined);
  assert.equal(protocol.lost, null);
});

runs("PIPE-03: a web stream whose reader goes away ends the transport", async ({ loop }) => {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const [transport, protocol] = await loop.connectWritePipe(() => new Recorder(), writable);
  await readable.cancel("no more");
  await until(() => protocol.lost !== undefined);
  assert.equal(protocol.lost, null);
  assert.equal(transport.isClosing(), true);
});

runs("PIPE-04: printed after the loop is closed, a pipe's transport does not throw", async () => {
  const loop = newEventLoop();
  const parts = { protocol: {}, context: CapturedContext.capture(loop[core]), extra: null };
  const writing = new WritePipeTransport(
    loop[core],
    { ...parts, pipe: new FakeChannel() },
    null,
  );
  const reading = new ReadPipeTransport(loop[core], { ...parts, pipe: new FakeChannel() }, null);
  assert.match(String(writing), /open/);
  loop.close();
  assert.match(String(writing), /^<WritePipeTransport closed/);
  assert.match(String(reading), /^<ReadPipeTransport closed/);
  await Promise.resolve();
});

/** The transport of a reading end that the test feeds. */
async function fedPipe(loop: EventLoop) {
  const pipe = new FakeChannel();
  const protocol = new Recorder();
  const parts = { pipe, protocol, context: CapturedContext.capture(loop[core]), extra: null };
  const transport = new ReadPipeTransport(loop[core], parts, null);
  await ticks(3);
  return { pipe, protocol, transport };
}

runs("PIPE-05: data, then the end, then lost, whatever eofReceived() says", async ({ loop }) => {
  const { pipe, protocol } = await fedPipe(loop);
  protocol.keepOpen = true;
  pipe.feed(bytes("data"));
  await ticks(3);
  pipe.sink().onEof();
  await ticks(4);
  assert.deepEqual(protocol.log, ["made", "data", "eof", "lost"]);
  assert.equal(protocol.lost, null);
  assert.equal(pipe.closed, true);
});

runs("PIPE-05: a read error goes to connectionLost()", async ({ loop }) => {
  const { pipe, protocol } = await fedPipe(loop);
  const error = new OSError("read: it broke", { code: "EIO" });
  pipe.sink().onError(error);
  await ticks(4);
  assert.deepEqual(protocol.log, ["made", "lost"]);
  assert.equal(protocol.lost, error);
});

runs("PIPE-06: pausing, resuming and closing, each also in vain", async ({ loop }) => {
  const { pipe, protocol, transport } = await fedPipe(loop);
  assert.equal(transport.isReading(), true);
  transport.pauseReading();
  transport.pauseReading();
  assert.equal(transport.isReading(), false);
  pipe.feed(bytes("held"));
  await ticks(3);
  assert.equal(protocol.received, "");
  transport.resumeReading();
  transport.resumeReading();
  await ticks(3);
  assert.equal(protocol.received, "held");
  transport.close();
  transport.close();
  assert.equal(transport.isClosing(), true);
  await ticks(3);
  transport.pauseReading();
  transport.resumeReading();
  assert.equal(transport.isReading(), false);
  assert.deepEqual(protocol.log, ["made", "data", "lost"]);
  assert.equal(pipe.log.filter((entry) => entry === "close").length, 1);
});

/** The transport of a writing end that the test empties. */
async function drainedPipe(loop: EventLoop) {
  const pipe = new FakeChannel();
  const protocol = new Recorder();
  const parts = { pipe, protocol, context: CapturedContext.capture(loop[core]), extra: null };
  const transport = new WritePipeTransport(loop[core], parts, null);
  await ticks(3);
  return { pipe, protocol, transport };
}

runs("PIPE-07: writes go out at once, then in order, and none when empty", async ({ loop }) => {
  const { pipe, transport } = await drainedPipe(loop);
  assert.equal(transport.canWriteEof(), true);
  transport.write("");
  assert.equal(pipe.writes.length, 0);
  transport.write("now");
  assert.equal(pipe.written, "now");
  pipe.takes = false;
  transport.write("a");
  transport.write("b");
  transport.writelines(["c", "", "d"]);
  assert.equal(transport.getWriteBufferSize(), 4);
  pipe.takes = true;
  pipe.finish();
  assert.equal(pipe.written, "nowabcd");
  assert.equal(transport.getWriteBufferSize(), 0);
  transport.close();
  await ticks(3);
});

runs("PIPE-07: a web stream may take over what it is given, buffer and all", async ({ loop }) => {
  let received = "";
  const writable = new WritableStream<Uint8Array>({
    write: (chunk) => {
      const moved = structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] });
      received += text(moved);
    },
  });
  const protocol = new Recorder();
  const [transport] = await loop.connectWritePipe(() => protocol, writable);
  for (const word of ["some ", "small ", "words ", "are ", "joined"]) transport.write(word);
  transport.close();
  await until(() => protocol.lost !== undefined);
  assert.equal(protocol.lost, null);
  assert.equal(received, "some small words are joined");
});

runs("PIPE-08: a write error ends the pipe, and later writes are dropped", async ({ loop }) => {
  const { pipe, protocol, transport } = await drainedPipe(loop);
  const warnings: unknown[] = [];
  const { warn } = console;
  console.warn = (message: unknown) => void warnings.push(message);
  try {
    pipe.takes = false;
    transport.write("lost");
    const error = new OSError("write: it broke", { code: "EIO" });
    pipe.finish(error);
    await ticks(3);
    assert.equal(protocol.lost, error);
    assert.equal(transport.getWriteBufferSize(), 0);
    for (let i = 0; i < 5; i++) transport.write("dropped");
    assert.deepEqual(warnings, []);
    transport.write("dropped");
    assert.equal(warnings.length, 1);
    assert.equal(pipe.written, "lost");
  } finally {
    console.warn = warn;
  }
});

runs("PIPE-09: the reader goes: a clean end when nothing is queued", async ({ loop }) => {
  const { protocol, transport } = await drainedPipe(loop);
  transport.readerFailed();
  transport.write("dropped");
  await ticks(3);
  assert.equal(protocol.lost, null);
});

runs("PIPE-09: the reader goes: a BrokenPipeError when something is queued", async ({ loop }) => {
  const { pipe, protocol, transport } = await drainedPipe(loop);
  pipe.takes = false;
  transport.write("never read");
  transport.readerFailed();
  await ticks(3);
  assert.ok(protocol.lost instanceof BrokenPipeError);
});

runs("PIPE-09: a FIFO whose reader has gone breaks the next write", async ({ loop }) => {
  await withFifo(async (path) => {
    const { reading, reader, writing, writer } = await pipeOf(loop, path);
    reading.close();
    await until(() => reader.lost === null);
    await until(() => {
      writing.write("into the void");
      return writer.lost !== undefined || writing.isClosing();
    });
    await until(() => writer.lost !== undefined);
    assert.ok(writer.lost instanceof BrokenPipeError);
  });
});

runs("PIPE-10: close() and writeEof() flush first, abort() does not", async ({ loop }) => {
  for (const how of ["close", "writeEof", "abort"] as const) {
    const { pipe, protocol, transport } = await drainedPipe(loop);
    pipe.takes = false;
    transport.write("last");
    transport[how]();
    transport[how]();
    await ticks(3);
    assert.equal(protocol.lost, how === "abort" ? null : undefined, how);
    if (how !== "abort") pipe.finish();
    await ticks(3);
    assert.equal(protocol.lost, null);
    assert.equal(protocol.log.filter((entry) => entry === "lost").length, 1);
    assert.equal(pipe.closed, true);
  }
});

runs("PIPE-10: a loop that is closed lets go of its pipes", async ({ loop }) => {
  await withFifo(async (path) => {
    const { reading, writing, reader, writer } = await pipeOf(loop, path);
    const [task] = [createTask(() => Promise.resolve("nothing leaked"))];
    reading.close();
    writing.abort();
    await until(() => reader.lost === null && writer.lost === null);
    assert.equal(await task, "nothing leaked");
  });
});
