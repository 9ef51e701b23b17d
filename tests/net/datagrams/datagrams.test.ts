import { core } from "../../../runtime/core/loop_core.ts";
import assert from "node:assert/strict";
import {
  type AddressLike,
  AF_INET6,
  type BytesLike,
  type DatagramTransport,
  type EventLoop,
  getRunningLoop,
  type NetAddress,
  NotImplementedError,
  OSError,
  SOCK_DGRAM,
  Socket,
} from "../../../mod.ts";
import { CapturedContext } from "../../../runtime/core/captured_context.ts";
import { DatagramEndpoint } from "../../../net/datagrams/datagram_transport.ts";
import type {
  DatagramChannel,
  DatagramSink,
  Done,
  NetHost,
  OpenDatagram,
} from "../../../net/core/host.ts";
import { useHost } from "../../../net/hosts/select.ts";
import { bytes, type Kit, runs, text, ticks, until } from "../../_support/streams.ts";

const PEER: NetAddress = { transport: "udp", hostname: "192.0.2.1", port: 9 };

/** A channel whose other end is the test. */
class FakeDatagrams implements DatagramChannel {
  closed = false;
  readonly localAddr: NetAddress = { transport: "udp", hostname: "127.0.0.1", port: 1 };
  remoteAddr: NetAddress | null = null;
  sink: DatagramSink | null = null;
  readonly sent: { data: Uint8Array; addr: { hostname: string; port: number } | null }[] = [];
  readonly dones: Done[] = [];

  connect(): Promise<void> {
    return Promise.resolve();
  }
  startReading(sink: DatagramSink): void {
    this.sink = sink;
  }
  stopReading(): void {
    this.sink = null;
  }
  send(data: Uint8Array, addr: { hostname: string; port: number } | null, done: Done): void {
    this.sent.push({ data, addr });
    this.dones.push(done);
  }
  finish(error: OSError | null = null): void {
    this.dones.shift()!(error);
  }
  close(): void {
    this.closed = true;
  }
  ref(): void {}
  unref(): void {}
  setBroadcast(): void {}
  addMembership(): void {}
  dropMembership(): void {}
  setMulticastTTL(): void {}
  setMulticastLoopback(): void {}
}

class Recorder {
  readonly log: string[] = [];
  readonly received: [string, NetAddress][] = [];
  readonly errors: unknown[] = [];
  lost: unknown = undefined;

  connectionMade(): void {
    this.log.push("made");
  }
  datagramReceived(data: Uint8Array, addr: AddressLike): void {
    this.log.push("datagram");
    this.received.push([text(data), addr as NetAddress]);
  }
  errorReceived(error: unknown): void {
    this.log.push("error");
    this.errors.push(error);
  }
  connectionLost(error: unknown): void {
    this.log.push("lost");
    this.lost = error;
  }
  pauseWriting(): void {
    this.log.push("pause");
  }
  resumeWriting(): void {
    this.log.push("resume");
  }
}

async function fake(
  loop: EventLoop,
  peer: NetAddress | null = null,
): Promise<{ transport: DatagramEndpoint; protocol: Recorder; channel: FakeDatagrams }> {
  const channel = new FakeDatagrams();
  channel.remoteAddr = peer;
  const protocol = new Recorder();
  const inner = loop[core];
  const parts = { channel, protocol, context: CapturedContext.capture(inner), peer };
  const transport = new DatagramEndpoint(inner, parts, null);
  await ticks(2);
  return { transport, protocol, channel };
}

function endpoint(
  options: Parameters<EventLoop["createDatagramEndpoint"]>[1],
): Promise<[DatagramTransport, Recorder]> {
  return getRunningLoop().createDatagramEndpoint(() => new Recorder(), options);
}

/** Takes the one report out that a test expects. */
function takeReport(kit: Kit): Kit["reports"][number] {
  assert.equal(kit.reports.length, 1);
  return kit.reports.pop()!;
}

for (const hostname of ["127.0.0.1", "::1"]) {
  runs(`DGRAM-01: endpoints on ${hostname} exchange datagrams`, async () => {
    const [server, receiving] = await endpoint({ localAddr: { hostname, port: 0 } });
    const address = server.getExtraInfo("sockname") as NetAddress;
    const [client, answered] = await endpoint({ remoteAddr: address });
    assert.deepEqual(client.getExtraInfo("peername"), address);
    client.sendto("ping");
    await until(() => receiving.received.length === 1);
    const [data, from] = receiving.received[0]!;
    assert.equal(data, "ping");
    assert.equal(from.port, (client.getExtraInfo("sockname") as NetAddress).port);
    server.sendto("pong", from);
    await until(() => answered.received.length === 1);
    assert.equal(answered.received[0]![0], "pong");
    client.close();
    server.close();
    await until(() => receiving.lost === null && answered.lost === null);
    assert.deepEqual(receiving.log, ["made", "datagram", "lost"]);
  });
}

runs("DGRAM-02: { sock } takes a bound datagram socket", async () => {
  const sock = new Socket(undefined, SOCK_DGRAM);
  await sock.bind({ hostname: "127.0.0.1", port: 0 });
  const address = sock.getsockname() as NetAddress;
  const [server, protocol] = await endpoint({ sock });
  const [client] = await endpoint({ remoteAddr: address });
  client.sendto("over the socket");
  await until(() => protocol.received.length === 1);
  client.close();
  server.close();
  await until(() => protocol.lost === null);
  assert.equal(sock.closed, true);
});

runs("DGRAM-02: a stream socket is a RangeError", async () => {
  await assert.rejects(endpoint({ sock: new Socket() }), RangeError);
});

runs("DGRAM-02: options beside { sock } are a RangeError that names them", async () => {
  const sock = new Socket(undefined, SOCK_DGRAM);
  await assert.rejects(endpoint({ sock, reusePort: true, family: 4 }), (error) => {
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /reusePort=true, family=4/);
    return true;
  });
});

runs("DGRAM-03: a malformed address is a TypeError", async () => {
  for (const address of [5, "127.0.0.1", null, {}, { hostname: "127.0.0.1" }]) {
    await assert.rejects(endpoint({ localAddr: address as unknown as AddressLike }), TypeError);
  }
});

runs("DGRAM-03: neither address nor family is a RangeError", async () => {
  await assert.rejects(endpoint({}), {
    name: "RangeError",
    message: "unexpected address family",
  });
});

runs("DGRAM-03: ends of two families are a RangeError", async () => {
  await assert.rejects(
    endpoint({
      localAddr: { hostname: "::1", port: 0 },
      remoteAddr: { hostname: "127.0.0.1", port: 1 },
    }),
    { name: "RangeError", message: "can not get address information" },
  );
});

runs("DGRAM-03: a name that resolves to nothing is an OSError", async ({ loop }) => {
  loop.getaddrinfo = () => Promise.resolve([]);
  await assert.rejects(endpoint({ remoteAddr: { hostname: "nowhere.example", port: 1 } }), {
    name: "OSError",
    message: "getaddrinfo() returned empty list",
  });
});

runs("DGRAM-04: an address in use rejects the call", async () => {
  const [first] = await endpoint({ localAddr: { hostname: "127.0.0.1", port: 0 } });
  const address = first.getExtraInfo("sockname") as NetAddress;
  await assert.rejects(endpoint({ localAddr: address }), { name: "OSError", code: "EADDRINUSE" });
  first.close();
});

runs("DGRAM-04: a factory that throws closes the socket", async ({ loop }) => {
  const channel = new FakeDatagrams();
  useHost(loop[core], { openDatagram: () => Promise.resolve(channel) } as unknown as NetHost);
  await assert.rejects(
    loop.createDatagramEndpoint((): Recorder => {
      throw new Error("no protocol today");
    }, { family: 4 }),
    /no protocol today/,
  );
  assert.equal(channel.closed, true);
});

runs(
  "DGRAM-05: allowBroadcast leaves the socket unconnected, and sends to the peer all the same",
  async ({ loop }) => {
    const channel = new FakeDatagrams();
    let asked: OpenDatagram | null = null;
    useHost(loop[core], {
      openDatagram: (options: OpenDatagram) => {
        asked = options;
        return Promise.resolve(channel);
      },
    } as unknown as NetHost);
    const [transport] = await endpoint({ remoteAddr: PEER, allowBroadcast: true });
    assert.deepEqual(asked, { family: 4, broadcast: true });
    transport.sendto("to all");
    assert.deepEqual(channel.sent[0]!.addr, PEER);
    assert.equal(transport.getExtraInfo("peername"), null);
    transport.abort();
  },
);

runs("DGRAM-06: reusePort and allowBroadcast are off unless asked for", async ({ loop }) => {
  const asked: OpenDatagram[] = [];
  useHost(loop[core], {
    openDatagram: (options: OpenDatagram) => {
      asked.push(options);
      return Promise.resolve(new FakeDatagrams());
    },
  } as unknown as NetHost);
  for (const options of [{}, { reusePort: true }, { allowBroadcast: true }]) {
    const [transport] = await endpoint({ family: 4, ...options });
    transport.close();
  }
  assert.deepEqual(asked, [
    { family: 4 },
    { family: 4, reusePort: true },
    { family: 4, broadcast: true },
  ]);
});

runs(
  "DGRAM-06: where the runtime can't share ports, reusePort is a RangeError",
  async ({ loop }) => {
    useHost(loop[core], {
      openDatagram: () => Promise.reject(new OSError("no", { code: "ENOTSUP" })),
    } as unknown as NetHost);
    await assert.rejects(endpoint({ family: 4, reusePort: true }), {
      name: "RangeError",
      message: /reusePort/,
    });
  },
);

runs("DGRAM-07: an IP address is used without a lookup", async ({ loop }) => {
  loop.getaddrinfo = () => Promise.reject(new Error("the resolver was asked"));
  const [transport] = await endpoint({ localAddr: { hostname: "127.0.0.1", port: 0 } });
  assert.equal((transport.getExtraInfo("sockname") as NetAddress).hostname, "127.0.0.1");
  transport.close();
});

runs("DGRAM-07: a name is looked up, and the first address that works is taken", async () => {
  const [transport] = await endpoint({ localAddr: { hostname: "localhost", port: 0 }, family: 4 });
  assert.equal((transport.getExtraInfo("sockname") as NetAddress).hostname, "127.0.0.1");
  transport.close();
});

runs("DGRAM-08: unix datagrams are not implemented", async () => {
  await assert.rejects(endpoint({ localAddr: { path: "/tmp/x" } }), NotImplementedError);
});

runs(
  "DGRAM-09: a datagram to where nobody listens leaves the endpoint able to receive",
  async () => {
    const [gone] = await endpoint({ localAddr: { hostname: "127.0.0.1", port: 0 } });
    const nobody = gone.getExtraInfo("sockname") as NetAddress;
    gone.close();
    await ticks(5);
    const [transport, protocol] = await endpoint({ localAddr: { hostname: "127.0.0.1", port: 0 } });
    const own = transport.getExtraInfo("sockname") as NetAddress;
    transport.sendto("into the void", nobody);
    transport.sendto("to myself", own);
    await until(() => protocol.received.length === 1);
    assert.deepEqual(protocol.received[0], ["to myself", own]);
    transport.close();
  },
);

runs("DTR-01: each datagram goes to datagramReceived() with its sender", async ({ loop }) => {
  const { protocol, channel } = await fake(loop);
  for (const word of ["a", "", "b"]) channel.sink?.onDatagram(bytes(word), PEER);
  await ticks(5);
  assert.deepEqual(protocol.received[0], ["a", PEER]);
  assert.notEqual(channel.sink, null);
});

runs(
  "DTR-01: an error of the system goes to errorReceived(), and the endpoint lives on",
  async ({ loop }) => {
    const { transport, protocol, channel } = await fake(loop);
    const error = new OSError("refused", { code: "ECONNREFUSED" });
    channel.sink!.onError(error);
    await ticks(3);
    assert.deepEqual(protocol.errors, [error]);
    assert.equal(transport.isClosing(), false);
  },
);

runs("DTR-01: an error of another kind breaks the endpoint", async (kit) => {
  const { transport, protocol, channel } = await fake(kit.loop);
  const error = new TypeError("a defect");
  channel.sink!.onError(error as unknown as OSError);
  await ticks(4);
  const report = takeReport(kit);
  assert.equal(report.message, "Fatal read error on datagram transport");
  assert.deepEqual([report.exception, report.transport, report.protocol], [
    error,
    transport,
    protocol,
  ]);
  assert.equal(protocol.lost, error);
});

runs(
  "DTR-01: a datagramReceived() that throws is reported, and the endpoint lives on",
  async (kit) => {
    const { transport, protocol, channel } = await fake(kit.loop);
    const error = new Error("bad datagram");
    protocol.datagramReceived = () => {
      throw error;
    };
    channel.sink!.onDatagram(bytes("x"), PEER);
    await ticks(4);
    assert.equal(takeReport(kit).exception, error);
    assert.equal(transport.isClosing(), false);
  },
);

runs("DTR-02: sendto() takes bytes and text, empty ones too", async ({ loop }) => {
  const { transport, channel } = await fake(loop);
  transport.sendto(bytes("bytes"), PEER);
  transport.sendto("täxt", PEER);
  transport.sendto("", PEER);
  assert.deepEqual(channel.sent.map(({ data }) => text(data)), ["bytes", "täxt", ""]);
  assert.ok(transport.getWriteBufferSize() > 0);
  transport.abort();
});

runs(
  "DTR-02: sendto() of anything else, or without an address, is a TypeError",
  async ({ loop }) => {
    const { transport } = await fake(loop);
    for (const data of [null, 5, {}, new ArrayBuffer(1)]) {
      assert.throws(() => transport.sendto(data as unknown as BytesLike, PEER), TypeError);
    }
    assert.throws(() => transport.sendto("x"), TypeError);
  },
);

runs("DTR-03: queued datagrams keep order and borders, and are copies", async ({ loop }) => {
  const { transport, channel } = await fake(loop);
  const data = bytes("first");
  transport.sendto(data, PEER);
  data.fill(0);
  transport.sendto("", PEER);
  transport.sendto("third", PEER);
  assert.deepEqual(channel.sent.map((one) => text(one.data)), ["first", "", "third"]);
});

runs("DTR-03: a Buffer, whose slice() would be a view, is copied too", async ({ loop }) => {
  const { transport, channel } = await fake(loop);
  const data = Buffer.from("first");
  transport.sendto(data, PEER);
  data.fill(0);
  assert.equal(text(channel.sent[0]!.data), "first");
});

runs("DTR-03: the write buffer pauses and resumes the protocol", async ({ loop }) => {
  const { transport, protocol, channel } = await fake(loop);
  for (let i = 0; i < 3; i++) transport.sendto(new Uint8Array(30_000), PEER);
  assert.deepEqual(protocol.log, ["made", "pause"]);
  channel.finish();
  channel.finish();
  assert.deepEqual(protocol.log, ["made", "pause"]);
  channel.finish();
  assert.deepEqual(protocol.log, ["made", "pause", "resume"]);
  assert.equal(transport.getWriteBufferSize(), 0);
});

for (const peer of [null, PEER]) {
  const what = peer === null ? "an unconnected" : "a connected";
  runs(
    `DTR-04: an error of the system in sending on ${what} endpoint goes to errorReceived()`,
    async ({ loop }) => {
      const { transport, protocol, channel } = await fake(loop, peer);
      transport.sendto("x", PEER);
      const error = new OSError("too big", { code: "EMSGSIZE" });
      channel.finish(error);
      await ticks(3);
      assert.deepEqual(protocol.errors, [error]);
      assert.equal(transport.isClosing(), false);
    },
  );
}

runs("DTR-04: an error of another kind in sending breaks the endpoint", async (kit) => {
  const { transport, protocol, channel } = await fake(kit.loop);
  transport.sendto("x", PEER);
  const error = new TypeError("a defect");
  channel.finish(error as unknown as OSError);
  await ticks(3);
  assert.equal(takeReport(kit).message, "Fatal write error on datagram transport");
  assert.equal(protocol.lost, error);
});

runs("DTR-05: on a connected endpoint another address is a RangeError", async ({ loop }) => {
  const { transport, channel } = await fake(loop, PEER);
  assert.throws(() => transport.sendto("x", { hostname: "192.0.2.9", port: 9 }), RangeError);
  assert.throws(() => transport.sendto("x", { hostname: PEER.hostname, port: 10 }), RangeError);
  transport.sendto("x", { hostname: PEER.hostname, port: PEER.port });
  transport.sendto("y");
  assert.equal(channel.sent.length, 2);
});

runs(
  "DTR-06: sendto() after close() is dropped, what is queued is sent before the end",
  async ({ loop }) => {
    const { transport, protocol, channel } = await fake(loop);
    transport.sendto("queued", PEER);
    transport.close();
    transport.close();
    transport.sendto("too late", PEER);
    await ticks(3);
    assert.deepEqual([protocol.lost, channel.closed, channel.sent.length], [undefined, false, 1]);
    channel.finish();
    await ticks(3);
    assert.deepEqual([protocol.lost, channel.closed], [null, true]);
  },
);

runs("DTR-06: abort() does not wait for what is queued", async ({ loop }) => {
  const { transport, protocol, channel } = await fake(loop);
  transport.sendto("queued", PEER);
  transport.abort();
  await ticks(3);
  assert.deepEqual(protocol.log, ["made", "lost"]);
  assert.equal(channel.closed, true);
});

runs(
  "DTR-07: a connection that is lost with an error of the system is not reported",
  async ({ loop }) => {
    const { transport, protocol } = await fake(loop);
    const error = new OSError("gone", { code: "ENETDOWN" });
    (transport as unknown as { fatal(error: unknown, message: string): void }).fatal(
      error,
      "Fatal",
    );
    await ticks(3);
    assert.equal(protocol.lost, error);
  },
);

runs("DTRX-01: datagrams that come while the loop is busy keep their order", async ({ loop }) => {
  const { protocol, channel } = await fake(loop);
  const sink = channel.sink!;
  loop.callSoon(() => protocol.log.push("soon"));
  sink.onDatagram(bytes("1"), PEER);
  sink.onDatagram(bytes("2"), PEER);
  assert.deepEqual(protocol.log, ["made"]);
  await ticks(5);
  assert.deepEqual(protocol.log, ["made", "soon", "datagram", "datagram"]);
  assert.deepEqual(protocol.received.map(([data]) => data), ["1", "2"]);
});

runs("DTRX-02: an IPv6 socket is an endpoint's as well", async () => {
  const sock = new Socket(AF_INET6, SOCK_DGRAM);
  await sock.bind({ hostname: "::1", port: 0 });
  const [transport] = await endpoint({ sock });
  assert.deepEqual(transport.getExtraInfo("socket")!.getsockname(), sock.getsockname());
  transport.close();
});
