import assert from "node:assert/strict";
import { Readable } from "node:stream";
import {
  createSubprocessExec,
  createTask,
  openConnection,
  PIPE,
  startServer,
  StreamReader,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { portOf, runs, started, text, ticks } from "../../_support/streams.ts";

// Who leaves an iteration while it waits must not take what comes afterwards.

const DONE = { value: undefined, done: true };

/** Feeds a line and gives what the next read has of it. */
async function nextLine(reader: StreamReader): Promise<string> {
  const [reading] = await started(() => reader.readline());
  reader.feedData("for the next one\n");
  return text(await reading);
}

runs("SR-23: an iterator that is left while it waits takes nothing", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  const waiting = lines.next();
  await ticks(2);
  assert.deepEqual(await lines.return!(), DONE);
  assert.equal(await nextLine(reader), "for the next one\n");
  assert.deepEqual(await waiting, DONE);
  assert.deepEqual(await lines.next(), DONE);
});

runs("SR-23: another read may wait at once after it was left", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  const waiting = lines.next();
  lines.return!();
  const [reading] = await started(() => reader.readline());
  // The other's wake-up must not clear this one's place.
  await waiting;
  await assert.rejects(reader.readline(), /already waiting/);
  reader.feedData("line\n");
  assert.equal(text(await reading), "line\n");
});

runs("SR-23: left between the arrival of a line and its wake-up, it leaves the line", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  const waiting = lines.next();
  await ticks(2);
  reader.feedData("line\n");
  lines.return!();
  assert.deepEqual(await waiting, DONE);
  assert.equal(text(await reader.readline()), "line\n");
});

runs("SR-23: part of a line stays in the buffer", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  const waiting = lines.next();
  reader.feedData("begun, ");
  await ticks(2);
  lines.return!();
  await waiting;
  reader.feedData("ended\n");
  assert.equal(text(await reader.readline()), "begun, ended\n");
});

runs("SR-23: return() after the end, before the first next() and twice does no harm", async () => {
  const reader = new StreamReader();
  const early = reader[Symbol.asyncIterator]();
  assert.deepEqual(await early.return!(), DONE);
  assert.deepEqual(await early.next(), DONE);
  reader.feedData("line\n");
  const lines = reader[Symbol.asyncIterator]();
  assert.equal(text((await lines.next()).value!), "line\n");
  reader.feedEof();
  assert.deepEqual(await lines.next(), DONE);
  assert.deepEqual(await lines.return!(), DONE);
  assert.deepEqual(await lines.return!(), DONE);
});

runs("SR-23: a loop that is left with break goes on in the next one", async () => {
  const reader = new StreamReader();
  reader.feedData("one\ntwo\nthree\n");
  reader.feedEof();
  for await (const line of reader) {
    assert.equal(text(line), "one\n");
    break;
  }
  const rest: string[] = [];
  for await (const line of reader) rest.push(text(line));
  assert.deepEqual(rest, ["two\n", "three\n"]);
});

runs("SR-23: a next() that was cancelled, then left, takes nothing either", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  await assert.rejects(timeout(0.001).with(() => lines.next()), TimeoutError);
  await lines.return!();
  assert.equal(await nextLine(reader), "for the next one\n");
});

runs("SR-23: an error of the stream is the next read's", async () => {
  const reader = new StreamReader();
  const lines = reader[Symbol.asyncIterator]();
  const waiting = lines.next();
  await ticks(2);
  const error = new Error("lost");
  reader.setException(error);
  lines.return!();
  assert.deepEqual(await waiting, DONE);
  await assert.rejects(reader.readline(), error);
});

runs("STREAM-18: ReadableStream.from(reader) that is cancelled takes nothing more", async () => {
  const { from } = ReadableStream as unknown as {
    from?(source: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array>;
  };
  const reader = new StreamReader();
  // Node 20.0 to 20.5 have none: there is nothing to leave early.
  const stream = from?.call(ReadableStream, reader);
  const web = stream?.getReader();
  const reading = web?.read();
  await ticks(3);
  await web?.cancel();
  assert.equal(await nextLine(reader), "for the next one\n");
  assert.deepEqual((await reading)?.done ?? true, true);
});

runs("STREAM-18: Readable.from(reader) that is destroyed takes nothing more", async () => {
  const reader = new StreamReader();
  const stream = Readable.from(reader);
  const got: string[] = [];
  stream.on("data", (line: Uint8Array) => got.push(text(line)));
  reader.feedData("first\n");
  while (got.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  stream.destroy();
  await new Promise((resolve) => stream.once("close", resolve));
  assert.equal(await nextLine(reader), "for the next one\n");
  assert.deepEqual(got, ["first\n"]);
});

runs("STREAM-19: a web stream that is cancelled while it waits takes nothing", async () => {
  const reader = new StreamReader();
  const web = reader.readable.getReader();
  const reading = web.read();
  await ticks(2);
  await web.cancel();
  assert.equal((await reading).done, true);
  assert.equal(await nextLine(reader), "for the next one\n");
});

runs("STREAM-19: nor what had come when it was cancelled", async () => {
  const reader = new StreamReader();
  const web = reader.readable.getReader();
  const reading = web.read();
  await ticks(2);
  reader.feedData("for the next one\n");
  await web.cancel();
  assert.equal((await reading).done, true);
  assert.equal(text(await reader.readline()), "for the next one\n");
});

runs("STREAM-19: a loop over it that is left does not end the reader", async () => {
  const reader = new StreamReader();
  reader.feedData("first");
  for await (const chunk of reader.readable as unknown as AsyncIterable<Uint8Array>) {
    assert.equal(text(chunk), "first");
    break;
  }
  assert.equal(await nextLine(reader), "for the next one\n");
});

runs("STREAM-19: what is decoded downstream and cancelled there takes nothing more", async () => {
  const reader = new StreamReader();
  const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>;
  const decoded = reader.readable.pipeThrough(decoder).getReader();
  reader.feedData("first");
  assert.equal((await decoded.read()).value, "first");
  await ticks(2);
  await decoded.cancel();
  // The news go upstream through some promises of the runtime's.
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await nextLine(reader), "for the next one\n");
});

runs("STREAM-19: a consumer with a buffer of its own that cancels takes nothing", async () => {
  const reader = new StreamReader();
  const web = reader.readable.getReader({ mode: "byob" });
  const reading = web.read(new Uint8Array(10));
  await ticks(2);
  await web.cancel();
  assert.equal((await reading).done, true);
  assert.equal(await nextLine(reader), "for the next one\n");
});

runs("STREAM-19: on a connection what follows is the next reader's", async () => {
  const server = await startServer(
    async (reader, writer) => {
      const web = reader.readable.getReader();
      const [reading] = await started(() => web.read());
      await web.cancel();
      await reading;
      writer.write("ready\n");
      writer.write(await reader.readline());
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  await reader.readline();
  writer.write("hello\n");
  assert.equal(text(await reader.read()), "hello\n");
  writer.close();
  server.close();
  await server.waitClosed();
});

runs("STREAM-19: and so on a child's output", async () => {
  const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const lines = child.stdout![Symbol.asyncIterator]();
  const waiting = createTask(() => lines.next());
  await ticks(2);
  await lines.return!();
  assert.equal((await waiting).done, true);
  child.stdin!.write("hello\n");
  assert.equal(text(await child.stdout!.readline()), "hello\n");
  child.stdin!.close();
  assert.equal(await child.wait(), 0);
});
