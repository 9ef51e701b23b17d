import assert from "node:assert/strict";
import {
  BrokenPipeError,
  ConnectionResetError,
  createSubprocessExec,
  createSubprocessShell,
  type EventLoop,
  openConnection,
  OSError,
  PIPE,
  sleep,
  startServer,
  StreamReader,
  StreamReaderProtocol,
  StreamWriter,
} from "../../../mod.ts";
import { openTransport } from "../../../net/transports/open_transport.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { FakeChannel, Recorder } from "../../_support/fake_channel.ts";
import { pattern, portOf, runs, started, ticks, until } from "../../_support/streams.ts";

/** A writer whose peer is the test. */
async function fake(loop: EventLoop): Promise<{ channel: FakeChannel; writer: StreamWriter }> {
  const channel = new FakeChannel();
  const reader = new StreamReader({ loop });
  const [transport, protocol] = await openTransport(
    loop,
    channel,
    () => new StreamReaderProtocol(reader, undefined, { loop }),
    null,
  );
  return { channel, writer: new StreamWriter(transport, protocol, reader, loop) };
}

/** A web stream that gives one chunk, and its end when it is asked to. */
function source(
  first: Uint8Array,
): { stream: ReadableStream<Uint8Array>; end: () => void; cancelledWith: () => unknown } {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let reason: unknown = null;
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
      controller.enqueue(first);
    },
    cancel: (given) => {
      reason = given;
    },
  });
  const end = (): void => {
    if (reason === null) controller.close();
  };
  return { stream, end, cancelledWith: () => reason };
}

interface Served {
  readonly writer: StreamWriter;
  /** The client, which has read a little, resets; ends when this side has seen something of it. */
  reset(): Promise<void>;
}

/** A connection as its server has it. */
async function served(body: (served: Served) => Promise<void>, tls = false): Promise<void> {
  let over!: (outcome: PromiseLike<void>) => void;
  const outcome = new Promise<void>((resolve) => over = resolve);
  let connected!: (client: StreamWriter) => void;
  const client = new Promise<StreamWriter>((resolve) => connected = resolve);
  const handler = (reader: StreamReader, writer: StreamWriter): void =>
    over(
      client.then((peer) =>
        body({
          writer,
          reset: async () => {
            peer.transport.abort();
            await until(() => reader.atEof() || reader.exception() !== null);
          },
        })
      ).finally(() => writer.transport.abort()),
    );
  const server = await startServer(handler, "127.0.0.1", 0, tls ? { ssl: serverSsl } : {});
  const options = {
    limit: 1,
    ...(tls ? { ssl: { caCerts: [caCert] }, serverHostname: "localhost" } : {}),
  };
  const [, writer] = await openConnection("127.0.0.1", portOf(server), options);
  connected(writer);
  await outcome;
  writer.transport.abort();
  server.close();
  await server.waitClosed();
}

const serverSsl = { cert: serverCert, key: serverKey };

function isLoss(error: unknown): boolean {
  return error instanceof BrokenPipeError || error instanceof ConnectionResetError;
}

for (const tls of [false, true]) {
  const over = tls ? " over TLS" : "";

  runs(
    `STREAM-13: closing writable fails when the connection is lost with data queued${over}`,
    () =>
      served(async ({ writer, reset }) => {
        writer.write(pattern(20_000_000));
        const closing = writer.writable.close();
        const failed = assert.rejects(closing, isLoss);
        await reset();
        await failed;
      }, tls),
  );

  runs(
    `STREAM-13: it fails when the connection was lost before${over}`,
    () =>
      served(async ({ writer, reset }) => {
        writer.write(pattern(20_000_000));
        const { writable } = writer;
        await reset();
        // The web's words for a stream that has failed; why it did stands in `closed`.
        await assert.rejects(writable.close(), TypeError);
        await assert.rejects(writable.getWriter().closed, isLoss);
      }, tls),
  );

  runs(
    `STREAM-13: pipeTo fails when the connection is lost, its source is told${over}`,
    () =>
      served(async ({ writer, reset }) => {
        const { stream, cancelledWith } = source(pattern(20_000_000));
        const piping = stream.pipeTo(writer.writable);
        const failed = assert.rejects(piping, isLoss);
        await ticks(5);
        await reset();
        await failed;
        assert.ok(isLoss(cancelledWith()), String(cancelledWith()));
      }, tls),
  );
}

runs(
  "STREAM-13: pipeTo fails though all of it was with the system when the peer reset",
  () =>
    served(async ({ writer, reset }) => {
      const { stream, end } = source(pattern(200_000));
      const failed = assert.rejects(stream.pipeTo(writer.writable), isLoss);
      await until(() => writer.transport.getWriteBufferSize() === 0);
      await reset();
      end();
      await failed;
    }),
);

runs("STREAM-14: closing writable waits until all is sent, and the end", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("data");
  let closed = false;
  const closing = writer.writable.close().then(() => closed = true);
  await ticks(5);
  assert.deepEqual([closed, channel.log.includes("shutdown")], [false, false]);
  channel.finish();
  await closing;
  assert.equal(channel.log.includes("shutdown"), true);
});

runs("STREAM-14: closing it after the writer was closed waits for the same", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  const { writable } = writer;
  writer.write("data");
  writer.close();
  const [closing] = await started(() => writable.close());
  assert.equal(closing.done(), false);
  channel.finish();
  await closing;
});

runs("STREAM-14: a connection that is closed with all sent is no failure", async ({ loop }) => {
  const { writer } = await fake(loop);
  writer.write("data");
  writer.close();
  await writer.writable.close();
});

runs("STREAM-15: who aborts with data queued fails the close under way", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  channel.takes = false;
  writer.write("data");
  const failed = assert.rejects(writer.writable.close(), ConnectionResetError);
  await ticks(2);
  writer.transport.abort();
  await failed;
});

for (const end of ["close", "abort"] as const) {
  runs(
    `STREAM-15: a pipeTo without a next chunk ends at ${end}() of the transport`,
    async ({ loop }) => {
      const { writer } = await fake(loop);
      const { stream, cancelledWith } = source(pattern(10));
      const failed = assert.rejects(stream.pipeTo(writer.writable), ConnectionResetError);
      await ticks(5);
      writer.transport[end]();
      await failed;
      assert.ok(cancelledWith() instanceof ConnectionResetError);
    },
  );
}

runs(
  "STREAM-15: a write while the connection closes fails instead of being dropped",
  async ({ loop }) => {
    const { channel, writer } = await fake(loop);
    channel.takes = false;
    const web = writer.writable.getWriter();
    writer.write("data");
    writer.close();
    await assert.rejects(web.write(pattern(3)), ConnectionResetError);
    channel.finish();
    await writer.waitClosed();
    assert.equal(channel.written, "data");
  },
);

runs("STREAM-15: a writable of a lost connection fails at once", async ({ loop }) => {
  const { writer } = await fake(loop);
  writer.transport.abort();
  await writer.waitClosed();
  await assert.rejects(writer.writable.getWriter().write(pattern(1)), ConnectionResetError);
});

// What it ends with is nobody's to take, and no unhandled rejection.
runs("STREAM-15: a writable that nobody looks at is lost in silence", async ({ loop }) => {
  const { channel, writer } = await fake(loop);
  writer.writable.getWriter();
  channel.sink().onError(new ConnectionResetError("reset", { code: "ECONNRESET" }));
  await assert.rejects(writer.waitClosed(), ConnectionResetError);
  await sleep(0.01);
});

runs("STREAM-16: a child that is killed while its stdin is piped to ends the pipeTo", async () => {
  const child = await createSubprocessExec("sleep", ["60"], { stdin: PIPE });
  const { stream, cancelledWith } = source(pattern(1_000_000));
  const failed = assert.rejects(stream.pipeTo(child.stdin!.writable), isLoss);
  await ticks(5);
  child.kill();
  await failed;
  assert.ok(isLoss(cancelledWith()));
  assert.equal(await child.wait(), -9);
});

runs("STREAM-16: so does one that ends with all taken and nothing more to come", async () => {
  const child = await createSubprocessShell("head -c 10 >/dev/null", { stdin: PIPE });
  const { stream } = source(pattern(10));
  await assert.rejects(stream.pipeTo(child.stdin!.writable), isLoss);
  assert.equal(await child.wait(), 0);
});

runs("STREAM-16: closing a child's stdin waits until the child has taken it", async () => {
  const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const data = pattern(3_000_000);
  const web = child.stdin!.writable.getWriter();
  const writing = web.write(data);
  const closing = web.close();
  const [reading] = await started(() => child.stdout!.read());
  await writing;
  await closing;
  assert.equal((await reading).length, data.length);
  assert.equal(await child.wait(), 0);
});

runs("STREAM-17: closing a pipe of a web stream waits for that stream's end", async ({ loop }) => {
  let finish!: () => void;
  const writable = new WritableStream<Uint8Array>({
    close: () => new Promise<void>((resolve) => finish = resolve),
  });
  const [transport, protocol] = await loop.connectWritePipe(() => new Recorder(), writable);
  transport.write("data");
  transport.close();
  await until(() => finish !== undefined);
  await ticks(5);
  assert.equal(protocol.lost, undefined);
  finish();
  await until(() => protocol.lost === null);
});

runs("STREAM-17: it is lost with the error where that end fails", async ({ loop }) => {
  const trouble = new OSError("Disk full", { code: "ENOSPC" });
  const writable = new WritableStream<Uint8Array>({ close: () => Promise.reject(trouble) });
  const reader = new StreamReader();
  const make = (): StreamReaderProtocol => new StreamReaderProtocol(reader);
  const [transport, protocol] = await loop.connectWritePipe(make, writable);
  const writer = new StreamWriter(transport, protocol, null, loop);
  writer.write("data");
  writer.close();
  await assert.rejects(writer.waitClosed(), (error) => error === trouble);
});
