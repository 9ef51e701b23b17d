import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { GaiError, OSError, PermissionError } from "../../../runtime/errors/os_error.ts";
import type { NetAddress } from "../../../net/core/addresses.ts";
import type { DatagramChannel, DatagramSink } from "../../../net/core/host.ts";
import { bytes, hosts, onDeno, pause, text } from "../../_support/net_hosts.ts";

/** Remembers what came, and can be waited for. */
class Inbox implements DatagramSink {
  readonly letters: { data: Uint8Array; addr: NetAddress }[] = [];
  readonly errors: OSError[] = [];
  #wake: (() => void) | null = null;

  constructor(channel: DatagramChannel) {
    channel.startReading(this);
  }

  onDatagram(data: Uint8Array, addr: NetAddress): void {
    this.letters.push({ data, addr });
    this.#wake?.();
  }

  onError(error: OSError): void {
    this.errors.push(error);
    this.#wake?.();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  texts(): string[] {
    return this.letters.map(({ data }) => text(data));
  }
}

function send(channel: DatagramChannel, data: Uint8Array | string, addr: NetAddress | null) {
  return new Promise<void>((resolve, reject) => {
    channel.send(typeof data === "string" ? bytes(data) : data, addr, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}

const loopback = { hostname: "127.0.0.1", port: 0 };

// Both hosts use the same implementation; one of them will do.
const [, host] = hosts[0]!;

test("host datagrams: they arrive whole, in order, with the sender's address, empty ones too", async () => {
  const a = await host.openDatagram({ local: loopback });
  const b = await host.openDatagram({ local: loopback });
  const inbox = new Inbox(b);
  await send(a, "one", b.localAddr);
  await send(a, "", b.localAddr);
  await send(a, "three", b.localAddr);
  await inbox.until(() => inbox.letters.length === 3);
  a.close();
  b.close();
  assert.deepEqual(inbox.texts(), ["one", "", "three"]);
  assert.deepEqual(inbox.letters.map(({ addr }) => addr), [a.localAddr, a.localAddr, a.localAddr]);
  assert.equal(Object.getPrototypeOf(inbox.letters[0]!.data), Uint8Array.prototype);
});

for (const connected of [false, true]) {
  const kind = connected ? "a connected" : "an unconnected";
  test(`host datagrams: what ${kind} channel sends at once leaves in order, also before a close`, async () => {
    const b = await host.openDatagram({ local: loopback });
    const inbox = new Inbox(b);
    const remote = connected ? { remote: b.localAddr } : {};
    const a = await host.openDatagram({ local: loopback, ...remote });
    const wanted = Array.from({ length: 60 }, (_, index) => `datagram ${index}`);
    let told = 0;
    for (const each of wanted) a.send(bytes(each), connected ? null : b.localAddr, () => told++);
    a.close();
    await inbox.until(() => inbox.letters.length === wanted.length);
    b.close();
    assert.deepEqual(inbox.texts(), wanted);
    assert.equal(told, 0);
  });
}

test("host datagrams: a peer is known in whatever form its address was written", async () => {
  const local = { hostname: "::1", port: 0 };
  const peer = await host.openDatagram({ local });
  const remote = { hostname: "0:0:0:0:0:0:0:1", port: peer.localAddr.port };
  const channel = await host.openDatagram({ local, remote });
  const answers = new Inbox(channel);
  await send(peer, "welcome", channel.localAddr);
  await answers.until(() => answers.letters.length === 1);
  peer.close();
  channel.close();
  assert.equal(answers.letters[0]!.addr.hostname, "::1");
});

test("host datagrams: a connected channel needs no address and hears nobody else", async () => {
  const peer = await host.openDatagram({ local: loopback });
  const stranger = await host.openDatagram({ local: loopback });
  const channel = await host.openDatagram({ local: loopback, remote: peer.localAddr });
  const [inbox, answers] = [new Inbox(peer), new Inbox(channel)];
  await send(channel, "hello", null);
  await inbox.until(() => inbox.letters.length === 1);
  await send(stranger, "psst", channel.localAddr);
  await send(peer, "welcome", channel.localAddr);
  await answers.until(() => answers.letters.length === 1);
  await pause();
  for (const each of [peer, stranger, channel]) each.close();
  assert.deepEqual(inbox.texts(), ["hello"]);
  assert.deepEqual(answers.texts(), ["welcome"]);
  assert.deepEqual(channel.remoteAddr, peer.localAddr);
});

test("host datagrams: what comes while reading is stopped waits for the next start", async () => {
  const a = await host.openDatagram({ local: loopback });
  const b = await host.openDatagram({ local: loopback });
  const inbox = new Inbox(b);
  b.stopReading();
  await send(a, "early", b.localAddr);
  await pause();
  assert.equal(inbox.letters.length, 0);
  b.startReading(inbox);
  assert.equal(inbox.letters.length, 0);
  await send(a, "late", b.localAddr);
  await inbox.until(() => inbox.letters.length === 2);
  a.close();
  b.close();
  assert.deepEqual(inbox.texts(), ["early", "late"]);
});

test("host datagrams: one that is too long is EMSGSIZE, and the channel lives on", async () => {
  const a = await host.openDatagram({ local: loopback });
  const b = await host.openDatagram({ local: loopback });
  const inbox = new Inbox(b);
  const error = await send(a, new Uint8Array(70_000), b.localAddr).catch((caught) => caught);
  await send(a, new Uint8Array(60_000).fill(7), b.localAddr);
  await inbox.until(() => inbox.letters.length === 1);
  a.close();
  b.close();
  assert.ok(error instanceof OSError);
  assert.equal(error.code, "EMSGSIZE");
  assert.equal(inbox.letters[0]?.data.length, 60_000);
});

test("host datagrams: an address of the other family is EAFNOSUPPORT", async () => {
  const a = await host.openDatagram({ local: loopback });
  const addr: NetAddress = { transport: "udp", hostname: "::1", port: 9 };
  const error = await send(a, "x", addr).catch((caught) => caught);
  a.close();
  assert.equal(error.code, "EAFNOSUPPORT");
  const both = host.openDatagram({ local: loopback, remote: { hostname: "::1", port: 9 } });
  assert.equal((await both.catch((caught) => caught)).code, "EAFNOSUPPORT");
});

test("host datagrams: an address in use is EADDRINUSE", async () => {
  const a = await host.openDatagram({ local: loopback });
  const error = await host.openDatagram({ local: a.localAddr }).catch((caught) => caught);
  a.close();
  assert.ok(error instanceof OSError);
  assert.equal(error.code, "EADDRINUSE");
});

for (const hostname of ["255.255.255.255", "127.255.255.255"]) {
  test(`host datagrams: sending to ${hostname} must be switched on`, async () => {
    const a = await host.openDatagram({ local: { hostname: "0.0.0.0", port: 0 } });
    const everybody: NetAddress = { transport: "udp", hostname, port: 9 };
    const error = await send(a, "x", everybody).catch((caught) => caught);
    a.close();
    assert.ok(error instanceof PermissionError);
    assert.equal(error.code, "EACCES");
  });

  test(`host datagrams: so must connecting to ${hostname}`, async () => {
    const opening = host.openDatagram({ remote: { hostname, port: 9 } });
    await assert.rejects(opening, { name: "PermissionError", code: "EACCES" });
    const channel = await host.openDatagram({ remote: { hostname, port: 9 }, broadcast: true });
    channel.close();
  });
}

test("host datagrams: sending to port 0 is EINVAL, connected or not", async () => {
  const nowhere: NetAddress = { transport: "udp", hostname: "127.0.0.1", port: 0 };
  const a = await host.openDatagram({ local: loopback });
  await assert.rejects(send(a, "x", nowhere), { name: "OSError", code: "EINVAL" });
  a.close();
  const b = await host.openDatagram({ remote: nowhere });
  await assert.rejects(send(b, "x", null), { name: "OSError", code: "EINVAL" });
  b.close();
});

test("host datagrams: a socket on loopback can't send to elsewhere: EINVAL", async () => {
  const a = await host.openDatagram({ local: loopback });
  const elsewhere: NetAddress = { transport: "udp", hostname: "192.0.2.77", port: 9 };
  await assert.rejects(send(a, "x", elsewhere), { name: "OSError", code: "EINVAL" });
  a.close();
});

test("host datagrams: a zone that this machine lacks is a GaiError, of a peer as of its own", async () => {
  const nowhere: NetAddress = { transport: "udp", hostname: "fe80::1%nosuch", port: 9 };
  await assert.rejects(host.openDatagram({ local: nowhere }), GaiError);
  const a = await host.openDatagram({ local: { hostname: "::", port: 0 } });
  await assert.rejects(send(a, "x", nowhere), GaiError);
  a.close();
});

test("host datagrams: connecting to a link-local address without its zone is EINVAL", async () => {
  const opening = host.openDatagram({ remote: { hostname: "fe80::1", port: 9 } });
  await assert.rejects(opening, { name: "OSError", code: "EINVAL" });
});

const linkLocal =
  Object.entries(networkInterfaces()).flatMap(([name, found = []]) =>
    found.filter(({ address }) => address.startsWith("fe80:")).map(({ address }) =>
      `${address.split("%")[0]}%${name}`
    )
  )[0];

if (linkLocal !== undefined) {
  test("host datagrams: the addresses of a link carry their zone, so an answer finds its way", async () => {
    const server = await host.openDatagram({ local: { hostname: linkLocal, port: 0 } });
    const client = await host.openDatagram({ remote: server.localAddr });
    const [inbox, answers] = [new Inbox(server), new Inbox(client)];
    await send(client, "ping", null);
    await inbox.until(() => inbox.letters.length === 1);
    const { addr } = inbox.letters[0]!;
    await send(server, "pong", addr);
    await answers.until(() => answers.letters.length === 1);
    server.close();
    client.close();
    assert.equal(server.localAddr.hostname, linkLocal);
    assert.equal(addr.hostname, linkLocal);
    assert.equal(answers.letters[0]!.addr.hostname, linkLocal);
  });
}

if (!onDeno) {
  test("host datagrams: nobody at the peer's port is told, and the channel lives on", async () => {
    const gone = await host.openDatagram({ local: loopback });
    gone.close();
    const a = await host.openDatagram({ local: loopback, remote: gone.localAddr });
    const inbox = new Inbox(a);
    await send(a, "anybody?", null);
    await inbox.until(() => inbox.errors.length > 0);
    assert.equal(inbox.errors[0]?.code, "ECONNREFUSED");
    const back = await host.openDatagram({ local: gone.localAddr });
    await send(back, "here", a.localAddr);
    await inbox.until(() => inbox.letters.length === 1);
    a.close();
    back.close();
    assert.deepEqual(inbox.texts(), ["here"]);
  });
}

test("host datagrams: a group is joined and left; what is no group is an OSError", async () => {
  const a = await host.openDatagram({ local: { hostname: "0.0.0.0", port: 0 } });
  a.addMembership("224.0.0.114");
  a.setMulticastTTL(1);
  a.setMulticastLoopback(true);
  a.dropMembership("224.0.0.114");
  assert.throws(() => a.addMembership("1.2.3.4"), OSError);
  a.close();
});

test("host datagrams: after close nothing calls back and every call is harmless", async () => {
  const a = await host.openDatagram({ local: loopback });
  const inbox = new Inbox(a);
  let done = 0;
  a.send(bytes("self"), a.localAddr, () => done++);
  a.close();
  a.close();
  a.send(bytes("self"), a.localAddr, () => done++);
  a.setBroadcast(true);
  a.ref();
  a.unref();
  a.startReading(inbox);
  await pause();
  assert.deepEqual([done, inbox.letters.length, inbox.errors.length], [0, 0, 0]);
});
