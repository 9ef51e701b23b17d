import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type BytesLike,
  ConnectionResetError,
  ContextVar,
  createTask,
  currentTask,
  getRunningLoop,
  newEventLoop,
  OSError,
  RuntimeError,
  type Transport,
} from "../../../mod.ts";
import { openTransport } from "../../../net/transports/open_transport.ts";
import { FakeChannel, opened, Recorder } from "../../_support/fake_channel.ts";
import { bytes, type Kit, pattern, runs, text, ticks } from "../../_support/streams.ts";

const reset = new ConnectionResetError("read: connection reset by peer (ECONNRESET)");

/** Takes the one report out that a test expects. */
function takeReport(kit: Kit): Kit["reports"][number] {
  assert.equal(kit.reports.length, 1);
  return kit.reports.pop()!;
}

async function stalled(kit: Kit): Promise<Awaited<ReturnType<typeof opened<Recorder>>>> {
  const parts = await opened(kit.loop, new Recorder());
  parts.channel.takes = false;
  return parts;
}

runs("TR-01: getExtraInfo() gives what is known, and null for the rest", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  assert.deepEqual(transport.getExtraInfo("sockname"), channel.localAddr);
  assert.deepEqual(transport.getExtraInfo("peername"), channel.remoteAddr);
  assert.deepEqual(transport.getExtraInfo("socket")!.getpeername(), channel.remoteAddr);
  for (const name of ["peercert", "cipher", "alpnProtocol", "sslContext", "pipe"] as const) {
    assert.equal(transport.getExtraInfo(name), null);
  }
  assert.equal(transport.getExtraInfo("unheard-of" as "socket"), null);
});

runs("TR-02: writelines() joins its pieces into one write", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  transport.writelines([bytes("ab"), "cd", bytes(""), new Uint8Array(bytes("xefx").buffer, 1, 2)]);
  assert.deepEqual(channel.writes.map(text), ["abcdef"]);
});

runs("TR-04: setWriteBufferLimits() derives what is not given", async ({ loop }) => {
  const { transport } = await opened(loop, new Recorder());
  const seen = [transport.getWriteBufferLimits()];
  transport.setWriteBufferLimits({ high: 1024, low: 128 });
  seen.push(transport.getWriteBufferLimits());
  transport.setWriteBufferLimits({ high: 1000 });
  seen.push(transport.getWriteBufferLimits());
  transport.setWriteBufferLimits({ low: 10 });
  seen.push(transport.getWriteBufferLimits());
  transport.setWriteBufferLimits({ high: 0 });
  seen.push(transport.getWriteBufferLimits());
  transport.setWriteBufferLimits();
  seen.push(transport.getWriteBufferLimits());
  assert.deepEqual(seen, [[16384, 65536], [128, 1024], [250, 1000], [10, 40], [0, 0], [
    16384,
    65536,
  ]]);
});

runs(
  "TR-04: low above high, or below zero, is a RangeError that changes nothing",
  async ({ loop }) => {
    const { transport } = await opened(loop, new Recorder());
    assert.throws(() => transport.setWriteBufferLimits({ high: 0, low: 1 }), {
      name: "RangeError",
      message: "high (0) must be >= low (1) must be >= 0",
    });
    assert.throws(() => transport.setWriteBufferLimits({ high: 1, low: -1 }), RangeError);
    assert.throws(() => transport.setWriteBufferLimits({ high: NaN }), RangeError);
    assert.deepEqual(transport.getWriteBufferLimits(), [16384, 65536]);
  },
);

runs("TR-04: a high-water mark below the present size pauses at once", async (kit) => {
  const { transport, protocol } = await stalled(kit);
  transport.write("x".repeat(1000));
  assert.deepEqual(protocol.log, ["made"]);
  transport.setWriteBufferLimits({ high: 999 });
  assert.deepEqual(protocol.log, ["made", "pause"]);
});

runs(
  "TR-05: writing pauses above the high-water mark and resumes at the low one, once each",
  async (kit) => {
    const { transport, protocol, channel } = await stalled(kit);
    transport.setWriteBufferLimits({ high: 10, low: 4 });
    transport.write("12345");
    transport.write("67890");
    assert.deepEqual(protocol.log, ["made"]);
    transport.write("a");
    transport.write("b");
    assert.deepEqual(protocol.log, ["made", "pause"]);
    channel.finish();
    assert.equal(transport.getWriteBufferSize(), 7);
    assert.deepEqual(protocol.log, ["made", "pause"]);
    channel.finish();
    assert.deepEqual(protocol.log, ["made", "pause", "resume"]);
    transport.write("12345678901");
    assert.deepEqual(protocol.log, ["made", "pause", "resume", "pause"]);
  },
);

runs("TR-05: a write from within resumeWriting() counts", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  transport.setWriteBufferLimits({ high: 3, low: 0 });
  protocol.resumeWriting = () => {
    protocol.log.push("resume");
    if (protocol.log.length < 5) transport.write("more");
  };
  transport.write("much");
  channel.finish();
  assert.deepEqual(protocol.log, ["made", "pause", "resume", "pause"]);
  channel.finish();
  assert.equal(channel.written, "muchmore");
});

for (const name of ["pauseWriting", "resumeWriting"] as const) {
  runs(`TR-06: a ${name}() that throws is reported, and the transport lives on`, async (kit) => {
    const { transport, protocol, channel } = await stalled(kit);
    const error = new Error("not now");
    protocol[name] = () => {
      throw error;
    };
    transport.write("x".repeat(70_000));
    channel.finish();
    channel.finish();
    const report = takeReport(kit);
    assert.equal(report.message, `protocol.${name}() failed`);
    assert.deepEqual([report.exception, report.transport, report.protocol], [
      error,
      transport,
      protocol,
    ]);
    assert.equal(transport.isClosing(), false);
  });
}

runs(
  "TR-07: connectionMade() comes first, then reading, then the call resolves",
  async ({ loop }) => {
    const channel = new FakeChannel();
    const protocol = new Recorder();
    protocol.connectionMade = () => {
      channel.log.push("made");
      loop.callSoon(() => channel.log.push("soon"));
    };
    await openTransport(loop, channel, () => protocol, null);
    channel.log.push("resolved");
    assert.deepEqual(channel.log, ["made", "start", "soon", "resolved"]);
  },
);

runs(
  "TR-07: a connect call that is cancelled still has its protocol told of the end",
  async ({ loop }) => {
    const channel = new FakeChannel();
    const protocol = new Recorder();
    const task = createTask(() => openTransport(loop, channel, () => protocol, null));
    await ticks(1);
    task.cancel();
    await ticks(4);
    assert.ok(task.cancelled());
    assert.deepEqual(protocol.log, ["made", "lost"]);
    assert.equal(channel.closed, true);
  },
);

runs("TR-08: pauseReading() and resumeReading() may be repeated", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  assert.equal(transport.isReading(), true);
  transport.pauseReading();
  transport.pauseReading();
  assert.equal(transport.isReading(), false);
  transport.resumeReading();
  transport.resumeReading();
  assert.equal(transport.isReading(), true);
  assert.deepEqual(channel.log, ["start", "stop", "start"]);
  transport.close();
  assert.equal(transport.isReading(), false);
  transport.pauseReading();
  transport.resumeReading();
  assert.deepEqual(channel.log, ["start", "stop", "start", "stop"]);
});

runs("TR-08: a pause in connectionMade() keeps reading from starting", async ({ loop }) => {
  const protocol = new Recorder();
  protocol.connectionMade = (transport) => transport.pauseReading();
  const { transport, channel } = await opened(loop, protocol);
  assert.deepEqual(channel.log, []);
  transport.resumeReading();
  assert.deepEqual(channel.log, ["start"]);
});

runs("TR-09: data goes to dataReceived()", async ({ loop }) => {
  const { protocol, channel } = await opened(loop, new Recorder());
  channel.feed(bytes("hello "));
  await ticks(2);
  channel.feed(bytes("world"));
  await ticks(2);
  assert.equal(protocol.received, "hello world");
});

runs(
  "TR-09: a dataReceived() that throws is reported and ends the connection with the error",
  async (kit) => {
    const { transport, protocol, channel } = await opened(kit.loop, new Recorder());
    const error = new Error("bad data");
    protocol.dataReceived = () => {
      throw error;
    };
    channel.feed(bytes("x"));
    await ticks(3);
    const report = takeReport(kit);
    assert.equal(report.message, "Fatal error: protocol.dataReceived() call failed.");
    assert.deepEqual([report.exception, report.transport, report.protocol], [
      error,
      transport,
      protocol,
    ]);
    assert.equal(protocol.lost, error);
    assert.equal(channel.closed, true);
  },
);

runs("TR-09: an async dataReceived() that rejects counts as one that throws", async (kit) => {
  const { protocol, channel } = await opened(kit.loop, new Recorder());
  const error = new Error("bad data");
  protocol.dataReceived = (() => Promise.reject(error)) as Recorder["dataReceived"];
  channel.feed(bytes("x"));
  await ticks(3);
  assert.equal(takeReport(kit).exception, error);
  assert.equal(protocol.lost, error);
});

runs("TR-09: data that comes while the loop is busy waits for its turn", async ({ loop }) => {
  const { protocol, channel } = await opened(loop, new Recorder());
  loop.callSoon(() => protocol.log.push("soon"));
  channel.feed(bytes("x"));
  assert.deepEqual(protocol.log, ["made"]);
  await ticks(3);
  assert.deepEqual(protocol.log, ["made", "soon", "data"]);
  assert.notEqual(channel.reading, null);
});

runs(
  "TR-09: data that waits for its turn is held by a pause and delivered after it",
  async ({ loop }) => {
    const { transport, protocol, channel } = await opened(loop, new Recorder());
    channel.feed(bytes("x"));
    transport.pauseReading();
    await ticks(3);
    assert.deepEqual(protocol.log, ["made"]);
    transport.resumeReading();
    transport.pauseReading();
    transport.resumeReading();
    await ticks(3);
    assert.deepEqual(protocol.log, ["made", "data"]);
  },
);

runs("TR-10: after the peer's end a falsy eofReceived() closes", async ({ loop }) => {
  const { transport, protocol, channel } = await opened(loop, new Recorder());
  channel.sink().onEof();
  await ticks(4);
  assert.deepEqual(protocol.log, ["made", "eof", "lost"]);
  assert.deepEqual([protocol.lost, transport.isClosing(), channel.closed], [null, true, true]);
});

runs("TR-10: a protocol without eofReceived() closes at the peer's end", async ({ loop }) => {
  const { transport, channel } = await opened(loop, { dataReceived() {} });
  channel.sink().onEof();
  await ticks(2);
  assert.equal(transport.isClosing(), true);
});

runs("TR-10: after a true eofReceived() the transport can still write", async ({ loop }) => {
  const { transport, protocol, channel } = await opened(loop, new Recorder());
  protocol.keepOpen = true;
  channel.sink().onEof();
  await ticks(3);
  transport.write("answer");
  assert.equal(channel.written, "answer");
  assert.equal(transport.isClosing(), false);
  transport.pauseReading();
  transport.resumeReading();
  assert.deepEqual(protocol.log, ["made", "eof"]);
});

runs("TR-10: an eofReceived() that throws is fatal", async (kit) => {
  const { protocol, channel } = await opened(kit.loop, new Recorder());
  const error = new Error("no end");
  protocol.eofReceived = () => {
    throw error;
  };
  channel.sink().onEof();
  await ticks(3);
  assert.equal(takeReport(kit).message, "Fatal error: protocol.eofReceived() call failed.");
  assert.equal(protocol.lost, error);
});

runs(
  "TR-12: a read error of the system goes to connectionLost() and is not reported",
  async ({ loop }) => {
    const { protocol, channel } = await opened(loop, new Recorder());
    channel.sink().onError(reset);
    await ticks(3);
    assert.equal(protocol.lost, reset);
    assert.equal(channel.closed, true);
  },
);

runs("TR-12: a read error of another kind is reported too", async (kit) => {
  const { transport, protocol, channel } = await opened(kit.loop, new Recorder());
  const error = new TypeError("a defect") as unknown as OSError;
  channel.sink().onError(error);
  await ticks(3);
  const report = takeReport(kit);
  assert.equal(report.message, "Fatal read error on socket transport");
  assert.deepEqual([report.exception, report.transport, report.protocol], [
    error,
    transport,
    protocol,
  ]);
  assert.equal(protocol.lost, error);
});

runs(
  "TR-13: write() takes bytes, views and text, in order, and sends at once",
  async ({ loop }) => {
    const { transport, channel } = await opened(loop, new Recorder());
    transport.write(bytes("bytes "));
    transport.write(new Uint8Array(bytes("a view of").buffer, 2, 5));
    transport.write("täxt");
    transport.write("");
    transport.write(new Uint8Array(0));
    assert.equal(channel.written, "bytes view täxt");
    assert.equal(transport.getWriteBufferSize(), 0);
  },
);

runs("TR-13: write() of anything else is a TypeError", async ({ loop }) => {
  const { transport } = await opened(loop, new Recorder());
  for (const data of [null, undefined, 5, {}, [1], new ArrayBuffer(1), new Uint16Array(1)]) {
    assert.throws(() => transport.write(data as unknown as BytesLike), TypeError);
  }
});

runs("TR-13: write() changes nothing in what it is given", async (kit) => {
  const { transport, channel } = await stalled(kit);
  const data = pattern(150_000);
  transport.write(data);
  while (channel.busy) channel.finish();
  assert.deepEqual(data, pattern(150_000));
});

runs(
  "TR-14: writelines() sends every piece in order and buffers what does not fit",
  async (kit) => {
    const { transport, channel } = await stalled(kit);
    const pieces = [1, 70_000, 3, 65_536, 10].map((length) => pattern(length));
    transport.writelines(pieces);
    assert.equal(transport.getWriteBufferSize(), 1 + 70_000 + 3 + 65_536 + 10);
    while (channel.busy) channel.finish();
    const sent = channel.writes.flatMap((chunk) => [...chunk]);
    assert.deepEqual(sent, pieces.flatMap((piece) => [...piece]));
    assert.ok(channel.writes.every((chunk) => chunk.length <= 65_536));
  },
);

runs("TR-14: writelines() of what can't be sent sends nothing at all", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  assert.throws(() => transport.writelines(["a", 5 as unknown as string]), TypeError);
  assert.equal(channel.written, "");
});

runs("TR-15: what queues up behind a write is joined into one of up to 64 KiB", async (kit) => {
  const { transport, channel } = await stalled(kit);
  for (let i = 0; i < 1000; i++) transport.write(`${i};`);
  channel.finish();
  assert.deepEqual(channel.writes.length, 2);
  channel.finish();
  assert.equal(channel.written, Array.from({ length: 1000 }, (_, i) => `${i};`).join(""));
  assert.equal(transport.getWriteBufferSize(), 0);
});

runs("TR-15: the size falls as pieces of a big write are taken", async (kit) => {
  const { transport, channel } = await stalled(kit);
  transport.write(new Uint8Array(150_000));
  const sizes = [transport.getWriteBufferSize()];
  while (channel.busy) {
    channel.finish();
    sizes.push(transport.getWriteBufferSize());
  }
  assert.deepEqual(sizes, [150_000, 84_464, 18_928, 0]);
});

runs("TR-15: thousands of queued chunks leave in order", async (kit) => {
  const { transport, channel } = await stalled(kit);
  const pieces = Array.from({ length: 5000 }, (_, i) => pattern(i % 97 + 1));
  for (const piece of pieces) transport.write(piece);
  while (channel.busy) channel.finish();
  const sent = channel.writes.flatMap((chunk) => [...chunk]);
  assert.deepEqual(sent, pieces.flatMap((piece) => [...piece]));
});

runs("TR-16: a write error drops the buffer and goes to connectionLost()", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  transport.write("first");
  transport.write("second");
  channel.finish(reset);
  assert.equal(transport.getWriteBufferSize(), 0);
  await ticks(2);
  assert.equal(protocol.lost, reset);
  assert.equal(channel.written, "first");
  assert.equal(channel.closed, true);
});

runs("TR-16: from the fifth dropped write on a warning is printed", async (kit) => {
  const { transport, channel } = await stalled(kit);
  transport.write("first");
  channel.finish(reset);
  const warnings: unknown[] = [];
  const { warn } = console;
  console.warn = (text: unknown) => warnings.push(text);
  try {
    for (let i = 0; i < 7; i++) transport.write("dropped");
  } finally {
    console.warn = warn;
  }
  assert.deepEqual(warnings, Array(3).fill("socket.send() raised exception."));
  assert.equal(channel.written, "first");
});

runs("TR-17: writes after close() vanish", async (kit) => {
  const { transport, channel } = await stalled(kit);
  transport.write("before");
  transport.close();
  transport.write("after");
  transport.writelines(["after", "all"]);
  channel.finish();
  await ticks(2);
  assert.equal(channel.written, "before");
});

runs("TR-18: close() with nothing queued tells the protocol in a later tick", async ({ loop }) => {
  const { transport, protocol, channel } = await opened(loop, new Recorder());
  transport.close();
  transport.close();
  assert.equal(transport.isClosing(), true);
  assert.equal(channel.reading, null);
  assert.deepEqual(protocol.log, ["made"]);
  await ticks(2);
  assert.deepEqual(protocol.log, ["made", "lost"]);
  assert.equal(protocol.lost, null);
  assert.deepEqual(channel.log, ["start", "stop", "close"]);
});

runs("TR-18: close() flushes what is queued before connectionLost()", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  transport.write("first ");
  transport.write("second");
  transport.close();
  await ticks(3);
  assert.deepEqual([protocol.lost, channel.closed], [undefined, false]);
  channel.finish();
  channel.finish();
  await ticks(2);
  assert.equal(channel.written, "first second");
  assert.deepEqual([protocol.lost, channel.closed], [null, true]);
});

runs("TR-18: an error while close() flushes goes to connectionLost()", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  transport.write("first");
  transport.close();
  channel.finish(reset);
  await ticks(2);
  assert.equal(protocol.lost, reset);
});

runs("TR-19: abort() drops the buffer and leads to one connectionLost(null)", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  transport.write("first");
  transport.write("second");
  transport.abort();
  transport.abort();
  transport.close();
  assert.equal(transport.getWriteBufferSize(), 0);
  await ticks(3);
  assert.deepEqual(protocol.log, ["made", "lost"]);
  assert.equal(protocol.lost, null);
  assert.equal(channel.written, "first");
  assert.equal(channel.closed, true);
});

runs("TR-19: abort() ends a close() that can't flush", async (kit) => {
  const { transport, protocol } = await stalled(kit);
  transport.write("never taken");
  transport.close();
  transport.abort();
  await ticks(2);
  assert.deepEqual(protocol.log, ["made", "lost"]);
});

runs("TR-20: connectionLost() comes once, whatever happens at the same time", async (kit) => {
  const { transport, protocol, channel } = await stalled(kit);
  const sink = channel.sink();
  transport.write("x");
  sink.onError(reset);
  channel.finish(reset);
  transport.abort();
  transport.close();
  await ticks(4);
  assert.deepEqual(protocol.log, ["made", "lost"]);
  assert.deepEqual(channel.log.filter((entry) => entry === "close"), ["close"]);
});

runs("TR-20: the channel is closed after connectionLost()", async ({ loop }) => {
  const { transport, protocol, channel } = await opened(loop, new Recorder());
  let closedThen: boolean | null = null;
  protocol.connectionLost = () => closedThen = channel.closed;
  transport.close();
  await ticks(2);
  assert.deepEqual([closedThen, channel.closed], [false, true]);
});

runs("TR-20: a connectionLost() that throws is reported, and the channel closed", async (kit) => {
  const { transport, protocol, channel } = await opened(kit.loop, new Recorder());
  const error = new Error("cannot let go");
  protocol.connectionLost = () => {
    throw error;
  };
  transport.close();
  await ticks(2);
  assert.equal(takeReport(kit).exception, error);
  assert.equal(channel.closed, true);
});

runs("TR-20: a connectionMade() that throws is reported and ends the connection", async (kit) => {
  const channel = new FakeChannel();
  const protocol = new Recorder();
  const error = new Error("not this one");
  protocol.connectionMade = () => {
    throw error;
  };
  const { transport } = await opened(kit.loop, protocol, channel);
  await ticks(2);
  assert.equal(takeReport(kit).exception, error);
  assert.deepEqual([protocol.lost, transport.isClosing(), channel.closed], [error, true, true]);
});

runs("TR-21: reading can't be started again on a closing transport", async (kit) => {
  const { transport, channel } = await stalled(kit);
  transport.write("queued");
  transport.pauseReading();
  transport.close();
  transport.resumeReading();
  assert.equal(channel.reading, null);
  transport.abort();
});

runs("TR-22: writeEof() half-closes at once when nothing is queued", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  assert.equal(transport.canWriteEof(), true);
  transport.writeEof();
  transport.writeEof();
  assert.deepEqual(channel.log, ["start", "shutdown"]);
  assert.equal(transport.isReading(), true);
});

runs("TR-22: writeEof() half-closes after the buffer has gone", async (kit) => {
  const { transport, channel } = await stalled(kit);
  transport.write("data");
  transport.writeEof();
  assert.deepEqual(channel.log, ["start"]);
  channel.finish();
  assert.deepEqual(channel.log, ["start", "shutdown"]);
  transport.close();
  await ticks(2);
  assert.equal(channel.closed, true);
});

runs("TR-22: writing after writeEof() is a RuntimeError", async ({ loop }) => {
  const { transport } = await opened(loop, new Recorder());
  transport.writeEof();
  assert.throws(() => transport.write("x"), {
    name: "RuntimeError",
    message: "Cannot call write() after writeEof()",
  });
  assert.throws(() => transport.writelines(["x"]), RuntimeError);
});

runs("TR-22: writeEof() after close() does nothing", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  transport.close();
  transport.writeEof();
  await ticks(2);
  assert.equal(channel.log.includes("shutdown"), false);
});

test("TR-24: a transport of a closed loop prints and can be closed", async () => {
  const loop = newEventLoop();
  const channel = new FakeChannel();
  let transport: Transport | null = null;
  await loop.runUntilComplete(async () => {
    [transport] = await openTransport(loop, channel, () => new Recorder(), null);
  });
  loop.close();
  assert.match(String(transport), /^<StreamTransport closed/);
  transport!.close();
  transport!.abort();
  assert.equal(channel.closed, true);
});

runs(
  "TRX-01: callbacks run in the context of the connect call, each connection in one of its own",
  async ({ loop }) => {
    const variable = new ContextVar("variable", { default: "none" });
    const seen: unknown[] = [];
    const protocol = {
      connectionMade() {
        seen.push(variable.get(), currentTask());
        variable.set("made");
      },
      dataReceived() {
        seen.push(variable.get(), currentTask(), getRunningLoop() === loop);
      },
      connectionLost() {
        seen.push(variable.get());
      },
    };
    variable.set("caller");
    const { channel, transport } = await opened(loop, protocol);
    assert.equal(variable.get(), "caller");
    channel.feed(bytes("x"));
    await ticks(2);
    transport.close();
    await ticks(2);
    assert.deepEqual(seen, ["caller", null, "made", null, true, "made"]);
  },
);

test("TRX-02: a loop that closes lets go of its connections", async () => {
  const loop = newEventLoop();
  const channel = new FakeChannel();
  const protocol = new Recorder();
  await loop.runUntilComplete(() => openTransport(loop, channel, () => protocol, null));
  assert.equal(channel.closed, false);
  loop.close();
  assert.equal(channel.closed, true);
});

runs(
  "TRX-03: setProtocol() hands the connection over without a connectionMade()",
  async ({ loop }) => {
    const { transport, protocol, channel } = await opened(loop, new Recorder());
    const second = new Recorder();
    transport.setProtocol(second);
    assert.equal(transport.getProtocol(), second);
    channel.feed(bytes("x"));
    await ticks(2);
    transport.close();
    await ticks(2);
    assert.deepEqual([protocol.log, second.log], [["made"], ["data", "lost"]]);
  },
);

runs("TRX-03: setProtocol() takes a protocol written in place", async ({ loop }) => {
  const { transport, channel } = await opened(loop, new Recorder());
  const received: string[] = [];
  transport.setProtocol({ dataReceived: (data) => void received.push(text(data)) });
  channel.feed(bytes("x"));
  await ticks(2);
  assert.deepEqual(received, ["x"]);
});

runs("TRX-04: an error of one connection leaves the others alone", async (kit) => {
  const bad = await opened(kit.loop, {
    dataReceived() {
      throw new OSError("of the protocol's own making");
    },
  });
  const good = await opened(kit.loop, new Recorder());
  bad.channel.feed(bytes("x"));
  good.channel.feed(bytes("y"));
  await ticks(3);
  assert.deepEqual([bad.channel.closed, good.channel.closed], [true, false]);
  assert.equal(good.protocol.received, "y");
});
