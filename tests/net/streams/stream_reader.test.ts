import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createTask,
  getEventLoop,
  getRunningLoop,
  IncompleteReadError,
  LimitOverrunError,
  newEventLoop,
  type ReadTransport,
  RuntimeError,
  setEventLoop,
  sleep,
  StreamReader,
  StreamReaderProtocol,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { bytes, pattern, runs, started, text, ticks } from "../../_support/streams.ts";

/** A transport that only remembers whether it is paused. */
class Pausable {
  readonly log: string[] = [];

  pauseReading(): void {
    this.log.push("pause");
  }

  resumeReading(): void {
    this.log.push("resume");
  }
}

function readerOn(limit: number): [StreamReader, Pausable] {
  const reader = new StreamReader({ limit });
  const transport = new Pausable();
  reader.setTransport(transport as unknown as ReadTransport);
  return [reader, transport];
}

function fed(...chunks: string[]): StreamReader {
  const reader = new StreamReader();
  for (const chunk of chunks) reader.feedData(chunk);
  return reader;
}

function ended(...chunks: string[]): StreamReader {
  const reader = fed(...chunks);
  reader.feedEof();
  return reader;
}

function isOverrun(message: RegExp, consumed: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LimitOverrunError, String(error));
    assert.match(error.message, message);
    assert.equal(error.consumed, consumed);
    return true;
  };
}

runs("SR-01: what is fed can be read, in order", async () => {
  assert.equal(text(await ended("ab", "", "cd").read()), "abcd");
});

runs("SR-01: empty data wakes nobody", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.read(5));
  reader.feedData("");
  await ticks(3);
  assert.equal(read.done(), false);
  reader.feedData("x");
  assert.equal(text(await read), "x");
});

runs("SR-01: the reader keeps a copy of what a caller feeds", async () => {
  const reader = new StreamReader();
  const data = bytes("keep");
  reader.feedData(data);
  data.fill(0);
  assert.equal(text(await reader.read(4)), "keep");
});

test("SR-02: a limit of zero or less is a RangeError", () => {
  for (const limit of [0, -1, NaN]) {
    assert.throws(() => new StreamReader({ limit }), {
      name: "RangeError",
      message: `Limit cannot be <= 0: current value is ${limit}`,
    });
  }
});

runs("SR-02: the default limit is 64 KiB", async () => {
  const reader = fed("x".repeat(65536) + "\n", "x".repeat(65537) + "\n");
  assert.equal((await reader.readline()).length, 65537);
  await assert.rejects(reader.readline(), RangeError);
});

runs("SR-03: read(0) is empty at once and takes nothing", async () => {
  const reader = fed("data");
  assert.equal((await reader.read(0)).length, 0);
  assert.equal(text(await reader.read(9)), "data");
  assert.equal((await new StreamReader().read(0)).length, 0);
});

runs("SR-04: read(n) gives at most n of what is buffered, across chunks", async () => {
  const reader = fed("ab", "cdef", "g");
  assert.equal(text(await reader.read(3)), "abc");
  assert.equal(text(await reader.read(100)), "defg");
});

runs("SR-04: read(n) waits for the first byte only", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.read(100));
  assert.equal(read.done(), false);
  reader.feedData("a");
  assert.equal(text(await read), "a");
});

runs("SR-04: read(n) is not bound by the limit", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("0123456789");
  assert.equal((await reader.read(8)).length, 8);
});

runs("SR-04: a read of what is buffered takes no turn of the loop", async () => {
  const reader = fed("now");
  let turned = false;
  getRunningLoop().callSoon(() => turned = true);
  assert.equal(text(await reader.read(3)), "now");
  assert.equal(turned, false);
});

runs("SR-04: what was read is the caller's own", async () => {
  const reader = new StreamReader();
  reader.feedData("abcdef");
  const first = await reader.read(2);
  const second = await reader.read(2);
  first.fill(0);
  new Uint8Array(second.buffer).fill(0);
  assert.equal(text(await reader.read(2)), "ef");
});

runs("SR-04: a number that is not whole is a TypeError", async () => {
  await assert.rejects(fed("abc").read(1.5), TypeError);
  await assert.rejects(fed("abc").readexactly(NaN), TypeError);
});

runs("SR-05: read() at the end of an empty stream is empty", async () => {
  assert.equal((await ended().read(5)).length, 0);
  assert.equal((await ended().read()).length, 0);
});

runs("SR-05: the end wakes a waiting read", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.read(5));
  reader.feedEof();
  assert.equal((await read).length, 0);
});

for (const n of [undefined, -1, -7]) {
  runs(`SR-06: read(${n ?? ""}) gives all until the end`, async () => {
    const reader = new StreamReader({ limit: 4 });
    reader.feedData("chunk1");
    const [read] = await started(() => reader.read(n));
    reader.feedData("chunk2");
    await ticks(2);
    assert.equal(read.done(), false);
    reader.feedData("chunk3");
    reader.feedEof();
    assert.equal(text(await read), "chunk1chunk2chunk3");
  });
}

const reads: [call: string, read: (reader: StreamReader) => Promise<Uint8Array>][] = [
  ["read(2)", (reader) => reader.read(2)],
  ["read(0)", (reader) => reader.read(0)],
  ["read()", (reader) => reader.read()],
  ["readline()", (reader) => reader.readline()],
  ["readexactly(3)", (reader) => reader.readexactly(3)],
  ["readexactly(0)", (reader) => reader.readexactly(0)],
  ['readuntil("x")', (reader) => reader.readuntil("x")],
];
for (const [call, read] of reads) {
  runs(`SR-07: after setException() ${call} throws it, data or not`, async () => {
    const reader = fed("line\nx");
    const error = new RangeError("stored");
    assert.equal(reader.exception(), null);
    reader.setException(error);
    assert.equal(reader.exception(), error);
    await assert.rejects(read(reader), (thrown) => thrown === error);
    await assert.rejects(read(reader), (thrown) => thrown === error);
  });
}

runs("SR-08: setException() reaches the read that waits", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.readline());
  const error = new Error("lost");
  reader.setException(error);
  await assert.rejects(async () => await read, (thrown) => thrown === error);
});

runs("SR-08: setException() after the read was cancelled harms nothing", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.read(1));
  read.cancel();
  reader.setException(new Error("late"));
  await assert.rejects(async () => await read, CancelledError);
  assert.doesNotMatch(String(reader), /waiter/);
});

runs("SR-08: a read that was woken by data before the error still gives the data", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.read(9));
  reader.feedData("just in time");
  reader.setException(new Error("late"));
  assert.equal(text(await read), "just in t");
  await assert.rejects(reader.read(1), /late/);
});

runs("SR-09: readline() waits across chunks and leaves the rest", async () => {
  const reader = new StreamReader();
  reader.feedData("chunk1 ");
  const [line] = await started(() => reader.readline());
  reader.feedData("chunk2 ");
  await ticks();
  assert.equal(line.done(), false);
  reader.feedData("chunk3 \n chunk4");
  assert.equal(text(await line), "chunk1 chunk2 chunk3 \n");
  reader.feedEof();
  assert.equal(text(await reader.read()), " chunk4");
});

runs("SR-09: lines that stand in the buffer are read without a wait", async () => {
  const reader = fed("AAA\nBBB\nCCC\n");
  assert.equal(text(await reader.readline()), "AAA\n");
  assert.equal(text(await reader.readline()), "BBB\n");
  assert.equal(text(await reader.readline()), "CCC\n");
});

runs("SR-10: readline() at the end gives what is left, then nothing", async () => {
  const reader = ended("some data");
  assert.equal(text(await reader.readline()), "some data");
  assert.equal((await reader.readline()).length, 0);
});

runs("SR-10: the end gives a waiting readline() the unfinished line", async () => {
  const reader = fed("part");
  const [line] = await started(() => reader.readline());
  reader.feedEof();
  assert.equal(text(await line), "part");
});

runs("SR-11: a line beyond the limit is dropped when its end is known", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("li");
  reader.feedData("ne1\nline2\nok\n");
  await assert.rejects(reader.readline(), {
    name: "RangeError",
    message: "Separator is found, but chunk is longer than limit",
  });
  await assert.rejects(reader.readline(), RangeError);
  assert.equal(text(await reader.readline()), "ok\n");
});

runs("SR-11: the buffer is cleared when the end of the line has not come", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("chun");
  await assert.rejects(reader.readline(), {
    name: "RangeError",
    message: "Separator is not found, and chunk exceed the limit",
  });
  reader.feedData("k2\n");
  assert.equal(text(await reader.readline()), "k2\n");
});

runs("SR-11: a waiting readline() fails as soon as the line is too long", async () => {
  const reader = new StreamReader({ limit: 7 });
  const [line] = await started(() => reader.readline());
  reader.feedData("chunk1");
  reader.feedData("chunk2\n");
  reader.feedData("chunk3\n");
  await assert.rejects(async () => await line, RangeError);
  assert.equal(text(await reader.readline()), "chunk3\n");
});

runs("SR-12: a line of exactly the limit passes, one byte more does not", async () => {
  const reader = new StreamReader({ limit: 5 });
  reader.feedData("12345\n123456\n");
  assert.equal(text(await reader.readline()), "12345\n");
  await assert.rejects(reader.readline(), RangeError);
});

runs("SR-13: atEof() is true once the stream has ended and all of it was read", async () => {
  const reader = fed("some data\n");
  const seen = [reader.atEof()];
  await reader.readline();
  seen.push(reader.atEof());
  reader.feedData("more");
  reader.feedEof();
  seen.push(reader.atEof());
  await reader.read(10);
  seen.push(reader.atEof());
  assert.deepEqual(seen, [false, false, false, true]);
});

runs("SR-14: readuntil() finds a separator that is split over many chunks", async () => {
  const reader = new StreamReader();
  const [read] = await started(() => reader.readuntil("$$$"));
  for (const piece of ["dat", "a$", "x$$", "y", "$", "$", "$tail"]) {
    reader.feedData(piece);
    await ticks();
  }
  assert.equal(text(await read), "data$x$$y$$$");
  reader.feedEof();
  assert.equal(text(await reader.read()), "tail");
});

runs("SR-14: separators are bytes or text", async () => {
  const reader = fed("one!two!three");
  assert.equal(text(await reader.readuntil(bytes("!"))), "one!");
  assert.equal(text(await reader.readuntil("!")), "two!");
});

runs("SR-14: without a separator a newline is meant", async () => {
  assert.equal(text(await fed("a\nb").readuntil()), "a\n");
});

runs("SR-14: a separator whose beginning repeats is found", async () => {
  assert.equal(text(await fed("aa", "ab", "aaaab!").readuntil("aab")), "aaab");
  assert.equal(text(await fed("aaa", "aab").readuntil("aab")), "aaaaab");
});

for (const separator of ["", [], [""], ["a", ""]]) {
  runs(`SR-15: ${JSON.stringify(separator)} is no separator`, async () => {
    await assert.rejects(fed("abc").readuntil(separator), RangeError);
  });
}

runs("SR-16: the end before a separator is an IncompleteReadError with all that came", async () => {
  const reader = ended("some da", "ta");
  await assert.rejects(reader.readuntil("@"), (error) => {
    assert.ok(error instanceof IncompleteReadError);
    assert.equal(text(error.partial), "some data");
    assert.equal(error.expected, null);
    assert.match(error.message, /undefined expected bytes/);
    return true;
  });
  assert.equal((await reader.read()).length, 0);
});

runs("SR-17: not found within the limit: LimitOverrunError, the buffer as it was", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("some dataAA");
  await assert.rejects(reader.readuntil("AAA"), isOverrun(/not found/, 9));
  reader.feedEof();
  assert.equal(text(await reader.read()), "some dataAA");
});

runs("SR-17: found beyond the limit: LimitOverrunError, the buffer as it was", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("some dataAAAA");
  await assert.rejects(reader.readuntil("AAA"), isOverrun(/is found/, 9));
  reader.feedEof();
  assert.equal(text(await reader.read()), "some dataAAAA");
});

runs("SR-18: of several separators the one that ends first wins", async () => {
  const reader = fed("a&b*c|d\r\ne\n", "HTTP/1.1 200\r\n\r\n");
  assert.equal(text(await reader.readuntil(["|", "*"])), "a&b*");
  assert.equal(text(await reader.readuntil(["c|", "|d\r"])), "c|");
  assert.equal(text(await reader.readuntil(["e\n", "\r\n"])), "d\r\n");
});

runs("SR-18: a longer separator wins when it ends first", async () => {
  const reader = fed("xxABCDyy", "E");
  assert.equal(text(await reader.readuntil(["E", "ABCD"])), "xxABCD");
});

runs("SR-19: the limit counts up to where the winning match starts", async () => {
  const reader = new StreamReader({ limit: 3 });
  reader.feedData("some dataA");
  await assert.rejects(reader.readuntil(["A", "ome dataA"]), isOverrun(/is found/, 9));
});

runs("SR-20: a buffer shorter than the longest separator is searched from its start", async () => {
  const reader = fed("data");
  const [read] = await started(() => reader.readuntil(["A", "long sep"]));
  reader.feedData("Z");
  await ticks();
  reader.feedData("A");
  assert.equal(text(await read), "dataZA");
});

runs("SR-20: a long separator that comes in pieces is found beside a short one", async () => {
  for (
    const pieces of [["data", " lo", "ng s", "ep!"], ["data long se", "p!"], ["data ", "long sep!"]]
  ) {
    const reader = new StreamReader();
    const [read] = await started(() => reader.readuntil(["A", "long sep", "sepia"]));
    for (const piece of pieces) {
      assert.equal(read.done(), false);
      reader.feedData(piece);
      await ticks();
    }
    reader.feedEof();
    assert.equal(text(await read), "data long sep");
    assert.equal(text(await reader.read(9)), "!");
  }
});

runs("SR-20: what may begin the longest separator does not count for the limit yet", async () => {
  const reader = new StreamReader({ limit: 4 });
  const [read] = await started(() => reader.readuntil(["A", "12345678"]));
  // Eleven bytes: the last seven may begin the separator, so that it starts at 4 at the earliest.
  reader.feedData("data1234567");
  await ticks();
  assert.equal(read.done(), false);
  reader.feedData("8");
  reader.feedEof();
  assert.equal(text(await read), "data12345678");
});

runs("SR-21: readexactly(0) is empty, a negative number a RangeError", async () => {
  const reader = fed("data");
  assert.equal((await reader.readexactly(0)).length, 0);
  await assert.rejects(reader.readexactly(-1), {
    name: "RangeError",
    message: "readexactly size can not be less than zero",
  });
  assert.equal(text(await reader.read(4)), "data");
});

runs("SR-21: readexactly(n) waits for n bytes and leaves the rest", async () => {
  const reader = new StreamReader({ limit: 3 });
  const [read] = await started(() => reader.readexactly(10));
  for (const piece of ["0123", "4567", "89ab"]) {
    assert.equal(read.done(), false);
    reader.feedData(piece);
    await ticks();
  }
  assert.equal(text(await read), "0123456789");
  assert.equal(text(await reader.read(9)), "ab");
});

runs("SR-22: readexactly() cut short tells both counts and empties the buffer", async () => {
  const reader = new StreamReader();
  reader.feedData("some data");
  const [read] = await started(() => reader.readexactly(36));
  reader.feedData("some data");
  reader.feedEof();
  await assert.rejects(async () => await read, (error) => {
    assert.ok(error instanceof IncompleteReadError);
    assert.equal(text(error.partial), "some datasome data");
    assert.equal(error.expected, 36);
    assert.equal(error.message, "18 bytes read on a total of 36 expected bytes");
    return true;
  });
  assert.equal((await reader.read()).length, 0);
});

runs("SR-23: for await gives the lines, the unterminated last one too", async () => {
  const lines: string[] = [];
  for await (const line of ended("li", "ne1\nline2\n", "line3")) lines.push(text(line));
  assert.deepEqual(lines, ["line1\n", "line2\n", "line3"]);
});

runs("SR-23: a loop that was left can be taken up again", async () => {
  const reader = ended("1\n2\n3\n");
  for await (const line of reader) {
    assert.equal(text(line), "1\n");
    break;
  }
  const rest: string[] = [];
  for await (const line of reader) rest.push(text(line));
  assert.deepEqual(rest, ["2\n", "3\n"]);
});

for (const [call, read] of reads) {
  if (call.includes("(0)")) continue;
  runs(`SR-24: ${call} beside a read that waits is a RuntimeError`, async () => {
    const reader = new StreamReader();
    const [first] = await started(() => reader.read(1));
    const name = call.slice(0, call.indexOf("("));
    await assert.rejects(read(reader), {
      name: "RuntimeError",
      message: `${name}() called while another coroutine is already waiting for incoming data`,
    });
    reader.feedData("x");
    assert.equal(text(await first), "x");
  });
}

runs("SR-25: a read that has to wait resumes the transport", async () => {
  const [reader, transport] = readerOn(2);
  reader.feedData("12345");
  assert.deepEqual(transport.log, ["pause"]);
  const [read] = await started(() => reader.readexactly(6));
  assert.deepEqual(transport.log, ["pause", "resume"]);
  reader.feedData("6");
  assert.equal(text(await read), "123456");
});

runs("SR-25: a transport that can't be paused is left alone", async () => {
  const reader = new StreamReader({ limit: 1 });
  reader.setTransport({ toString: () => "fixed" } as unknown as ReadTransport);
  reader.feedData("abcdef");
  reader.feedData("ghi");
  assert.equal(text(await reader.read(99)), "abcdefghi");
});

test("SR-26: feedData() after feedEof() is refused", () => {
  assert.throws(() => ended("x").feedData("y"), RuntimeError);
});

test("SR-26: a second setTransport() is refused", () => {
  const [reader, transport] = readerOn(5);
  assert.throws(() => reader.setTransport(transport as unknown as ReadTransport), {
    name: "RuntimeError",
    message: "Transport already set",
  });
});

test("SR-27: outside a run a reader works on the loop that was set, else on the ambient one", async () => {
  const ambient = fed("here");
  assert.equal(text(await ambient.read(4)), "here");
  const waiting = new StreamReader();
  const read = waiting.read(2);
  waiting.feedData("ok");
  assert.equal(text(await read), "ok");
  const loop = newEventLoop();
  setEventLoop(loop);
  try {
    assert.equal(getEventLoop(), loop);
    assert.ok(new StreamReaderProtocol(new StreamReader()) instanceof StreamReaderProtocol);
  } finally {
    setEventLoop(null);
    loop.close();
  }
});

runs("SR-28: a reader prints what is set", async () => {
  assert.equal(String(new StreamReader()), "<StreamReader>");
  assert.equal(String(new StreamReader({ limit: 123 })), "<StreamReader limit=123>");
  assert.equal(String(ended()), "<StreamReader eof>");
  assert.equal(String(fed("data")), "<StreamReader 4 bytes>");
  const broken = new StreamReader();
  broken.setException(new RangeError("oh"));
  assert.equal(String(broken), "<StreamReader exception=RangeError: oh>");
  const waiting = new StreamReader();
  const [read] = await started(() => waiting.read(1));
  assert.match(String(waiting), /waiter=/);
  read.cancel();
  await assert.rejects(async () => await read, CancelledError);
  const reader = new StreamReader();
  reader.setTransport({ toString: () => "<Transport>" } as unknown as ReadTransport);
  assert.equal(String(reader), "<StreamReader transport=<Transport>>");
});

test("SR-29: the errors of streams can be sent as plain data and made again", () => {
  const short = new IncompleteReadError(bytes("ab"), 5);
  const plain = structuredClone(short.toJSON());
  assert.equal(plain.message, "2 bytes read on a total of 5 expected bytes");
  const again = new IncompleteReadError(Uint8Array.from(plain.partial), plain.expected);
  assert.deepEqual([text(again.partial), again.expected], ["ab", 5]);
  const long = structuredClone(new LimitOverrunError("too long", 10).toJSON());
  assert.deepEqual([long.message, long.consumed], ["too long", 10]);
});

const patient: [name: string, read: (reader: StreamReader) => Promise<Uint8Array>][] = [
  ["readexactly", (reader) => reader.readexactly(10)],
  ["readuntil", (reader) => reader.readuntil("$")],
  ["readline", (reader) => reader.readline()],
  ["read", (reader) => reader.read()],
];
for (const [name, read] of patient) {
  runs(`SR-30: a cancelled ${name} leaves its bytes`, async () => {
    const reader = fed("abc");
    const [task] = await started(() => read(reader));
    reader.feedData("def");
    await ticks();
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
    assert.equal(text(await reader.readexactly(6)), "abcdef");
  });
}

runs("SR-30: a read that is cancelled after its data came leaves them", async () => {
  const reader = new StreamReader();
  const [task] = await started(() => reader.read(10));
  reader.feedData("data");
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  assert.equal(text(await reader.read(10)), "data");
});

runs("SR-30: a read that a timeout ends leaves its bytes", async () => {
  const reader = fed("abc");
  await assert.rejects(timeout(0.001).with(() => reader.readexactly(4)), TimeoutError);
  reader.feedData("d");
  assert.equal(text(await reader.readexactly(4)), "abcd");
});

runs("SR-31: twice the limit does not pause, one byte more does", () => {
  const [reader, transport] = readerOn(10);
  reader.feedData("x".repeat(20));
  assert.deepEqual(transport.log, []);
  reader.feedData("x");
  reader.feedData("x");
  assert.deepEqual(transport.log, ["pause"]);
  return Promise.resolve();
});

runs("SR-31: a rest above the limit does not resume, one of the limit does", async () => {
  const [reader, transport] = readerOn(10);
  reader.feedData("x".repeat(21));
  await reader.read(10);
  assert.deepEqual(transport.log, ["pause"]);
  await reader.read(1);
  assert.deepEqual(transport.log, ["pause", "resume"]);
});

runs("SR-31: readexactly() beyond twice the limit gets its data", async () => {
  const [reader, transport] = readerOn(10);
  reader.feedData("x".repeat(21));
  const [read] = await started(() => reader.readexactly(50));
  assert.deepEqual(transport.log, ["pause", "resume"]);
  for (let i = 0; i < 29; i++) {
    reader.feedData("x");
    await sleep(0);
  }
  assert.equal((await read).length, 50);
  assert.equal(transport.log.pop(), "resume");
});

runs("SR-32: consumed is what cannot begin a separator, or where the match stands", async () => {
  const absent = new StreamReader({ limit: 4 });
  absent.feedData("123456789");
  await assert.rejects(absent.readuntil("abc"), isOverrun(/not found/, 7));
  const present = new StreamReader({ limit: 4 });
  present.feedData("123456abc");
  await assert.rejects(present.readuntil("abc"), isOverrun(/is found/, 6));
});

runs("STREAM-01: many small chunks and reads of every size give the same bytes", async () => {
  const data = pattern(50_000);
  const reader = new StreamReader();
  const feeding = createTask(async () => {
    for (let at = 0, size = 1; at < data.length; at += size, size = size % 997 + 1) {
      reader.feedData(data.subarray(at, at + size));
      if (size % 7 === 0) await sleep(0);
    }
    reader.feedEof();
  });
  const seen: number[] = [];
  for (let n = 1; !reader.atEof(); n = n % 1501 + 13) seen.push(...await reader.read(n));
  await feeding;
  assert.deepEqual(Uint8Array.from(seen), data);
});

runs("STREAM-02: a line that comes byte by byte is searched once", async () => {
  const reader = new StreamReader({ limit: 1_000_000 });
  const [line] = await started(() => reader.readline());
  const byte = bytes("x");
  // Were each byte to start a new search, this would take minutes.
  for (let i = 0; i < 200_000; i++) reader.feedData(byte);
  reader.feedData("\n");
  assert.equal((await line).length, 200_001);
});

runs("STREAM-03: readable gives the rest of the stream to the web's consumers", async () => {
  const reader = ended("head;", "tail", "s");
  assert.equal(text(await reader.readuntil(";")), "head;");
  assert.equal(reader.readable, reader.readable);
  assert.equal(await new Response(reader.readable).text(), "tails");
});

runs("STREAM-04: readable takes nothing that was not asked for", async () => {
  const reader = fed("kept");
  const web = reader.readable.getReader();
  await ticks(3);
  assert.equal(text(await reader.read(4)), "kept");
  const [pulled] = await started(() => web.read());
  reader.feedData("asked");
  assert.equal(text((await pulled).value!), "asked");
});

runs("STREAM-05: a cancelled consumer does not end the web stream for the next one", async () => {
  const reader = new StreamReader();
  const web = reader.readable.getReader();
  await assert.rejects(timeout(0.001).with(() => web.read()), TimeoutError);
  reader.feedData("for the read that was left behind");
  await ticks(3);
  reader.feedData("for the next one");
  assert.equal(text((await web.read()).value!), "for the next one");
});
