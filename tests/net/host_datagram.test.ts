import assert from "node:assert/strict";
import { test } from "node:test";
import { OSError, PermissionError } from "../../runtime/os_error_family.ts";
import type { NetAddress } from "../../net/addresses.ts";
import type { DatagramChannel, DatagramSink } from "../../net/host.ts";
import { bytes, hosts, onDeno, pause, text } from "./_host_kit.ts";

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

test("host datagrams: broadcasting must be switched on", async () => {
  const a = await host.openDatagram({ local: { hostname: "0.0.0.0", port: 0 } });
  const everybody: NetAddress = { transport: "udp", hostname: "255.255.255.255", port: 9 };
  const error = await send(a, "x", everybody).catch((caught) => caught);
  a.close();
  assert.ok(error instanceof PermissionError);
  assert.equal(error.code, "EACCES");
});

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
