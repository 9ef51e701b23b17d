import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { test } from "node:test";
import {
  ConnectionRefusedError,
  ConnectionResetError,
  FileNotFoundError,
  OSError,
} from "../../../runtime/errors/os_error.ts";
import type { ReadSink } from "../../../net/core/host.ts";
import {
  Acceptor,
  chance,
  hosts,
  onDeno,
  pattern,
  pause,
  portOf,
  randomTraffic,
  Recorder,
  shutdown,
  text,
  withPair,
  write,
} from "../../_support/net_hosts.ts";

interface DenoConnect {
  connect(options: { signal?: AbortSignal }): Promise<unknown>;
}

function socketPath(): { folder: string; path: string } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "asyncio-host-"));
  return { folder, path: path.join(folder, "s.sock") };
}

for (const [name, host] of hosts) {
  test(`host ${name}: bytes go both ways, and the channels know their addresses`, async () => {
    await withPair(host, async (client, server) => {
      const [there, back] = [new Recorder(), new Recorder()];
      server.startReading(there);
      client.startReading(back);
      await write(client, "ping");
      await there.received(4);
      await write(server, "pong!");
      await back.received(5);
      assert.equal(text(there.all()), "ping");
      assert.equal(text(back.all()), "pong!");
      assert.deepEqual(client.localAddr, server.remoteAddr);
      assert.deepEqual(client.remoteAddr, server.localAddr);
      assert.equal(client.remoteAddr?.transport, "tcp");
    });
  });

  test(`host ${name}: chunks are plain Uint8Arrays of the receiver's own`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      server.startReading(sink);
      for (let i = 0; i < 200; i++) {
        await write(client, pattern(64, i * 64));
        await sink.received((i + 1) * 64);
      }
      // Kept for so long, a shared buffer would have been written into again.
      assert.deepEqual(sink.all(), pattern(200 * 64));
      assert.equal(Object.getPrototypeOf(sink.chunks[0]), Uint8Array.prototype);
    });
  });

  test(`host ${name}: a sink that puts off the next read loses nothing`, async () => {
    await withPair(host, async (client, server) => {
      class Patient extends Recorder {
        afterTurn(read: () => void): void {
          setTimeout(read, 1);
        }
      }
      const sink = new Patient();
      server.startReading(sink);
      const all = pattern(1 << 20);
      await write(client, all);
      await shutdown(client);
      await sink.ended();
      assert.ok(Buffer.compare(sink.all(), all) === 0);
    });
  });

  test(`host ${name}: a read that was put off does not begin after a stop or a close`, async () => {
    await withPair(host, async (client, server) => {
      const later: (() => void)[] = [];
      class Stopper extends Recorder {
        afterTurn(read: () => void): void {
          later.push(read);
          server.stopReading();
        }
      }
      const first = new Stopper();
      server.startReading(first);
      // Fills any buffer that a channel begins with.
      await write(client, pattern(100_000));
      await first.received(1);
      server.stopReading();
      const length = first.length;
      for (const read of later) read();
      await pause(20);
      assert.equal(first.length, length);
      const second = new Recorder();
      server.startReading(second);
      await second.received(100_000 - length);
      assert.equal(first.length + second.length, 100_000);
      server.close();
      for (const read of later) read();
    });
  });

  test(`host ${name}: 8 MiB arrive in order through chunks of every size`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      server.startReading(sink);
      const all = pattern(8 << 20);
      for (let at = 0, size = 1; at < all.length; size = size * 2 % 300_007) {
        await write(client, all.subarray(at, at += size));
      }
      await shutdown(client);
      await sink.ended();
      assert.ok(Buffer.compare(sink.all(), all) === 0);
      assert.equal(sink.eof, true);
    });
  });

  test(`host ${name}: nothing is told from inside the call`, async () => {
    await withPair(host, async (client, server) => {
      const order: string[] = [];
      await write(client, "x");
      await shutdown(client);
      await pause();
      const sink = new Recorder();
      sink.changed = () => order.push(sink.eof ? "eof" : "data");
      server.startReading(sink);
      order.push("startReading returned");
      await pause();
      assert.deepEqual(order, ["startReading returned", "data", "eof"]);
    });
  });

  test(`host ${name}: stopping in the middle of the data loses and reorders nothing`, async () => {
    await withPair(host, async (client, server) => {
      const all = pattern(2 << 20);
      const sink = new Recorder();
      let starts = 0;
      sink.changed = () => {
        server.stopReading();
        setTimeout(() => {
          starts++;
          server.startReading(sink);
        }, starts % 3);
      };
      server.startReading(sink);
      const written = write(client, all).then(() => shutdown(client));
      while (!sink.eof) await pause(5);
      await written;
      assert.ok(Buffer.compare(sink.all(), all) === 0);
      assert.ok(starts > 5);
    });
  });

  test(`host ${name}: a stopped reader gets no call and holds the peer back`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      server.startReading(sink);
      await write(client, "a");
      await sink.received(1);
      server.stopReading();
      let sent = 0;
      const step = new Uint8Array(64 * 1024);
      const flood = (): void => {
        while (client.write(step, flood)) sent += step.length;
        sent += step.length;
      };
      flood();
      let before = -1;
      while (sent !== before) {
        before = sent;
        await pause(100);
      }
      assert.equal(sink.length, 1);
      // The rest sits in the kernel's buffers, which loopback lets grow to a few MiB.
      assert.ok(sent < 16 << 20, `${sent} bytes left the client`);
      server.startReading(sink);
      await sink.received(sent);
    });
  });

  test(`host ${name}: data that came before the end is told before it, whenever reading starts`, async () => {
    await withPair(host, async (client, server) => {
      await write(client, "last words");
      await shutdown(client);
      await pause();
      const sink = new Recorder();
      server.startReading(sink);
      await sink.ended();
      assert.equal(text(sink.all()), "last words");
      assert.equal(sink.eof, true);
    });
  });

  test(`host ${name}: the end is told again to whoever starts reading after it`, async () => {
    await withPair(host, async (client, server) => {
      await shutdown(client);
      for (let i = 0; i < 2; i++) {
        const sink = new Recorder();
        server.startReading(sink);
        await sink.ended();
        assert.equal(sink.eof, true);
      }
    });
  });

  test(`host ${name}: after the peer's end the other direction still works`, async () => {
    await withPair(host, async (client, server) => {
      const [there, back] = [new Recorder(), new Recorder()];
      server.startReading(there);
      client.startReading(back);
      await write(client, "question");
      await shutdown(client);
      await there.ended();
      await pause();
      await write(server, "answer");
      await write(server, " and more");
      await shutdown(server);
      await back.ended();
      assert.equal(text(back.all()), "answer and more");
      assert.equal(back.eof, true);
    });
  });

  test(`host ${name}: bytes whose write completed arrive although the channel was closed at once`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      server.startReading(sink);
      const all = pattern(1 << 20);
      await write(client, all);
      client.close();
      await sink.ended();
      assert.ok(Buffer.compare(sink.all(), all) === 0);
      assert.equal(sink.eof, true);
    });
  });

  test(`host ${name}: after close nothing calls back`, async () => {
    await withPair(host, async (client, server) => {
      const calls: string[] = [];
      const sink = new Recorder();
      sink.changed = () => calls.push("sink");
      client.startReading(sink);
      while (client.write(new Uint8Array(1 << 20), () => calls.push("done"))) {
        // Until one is under way: the server does not read.
      }
      client.close();
      client.close();
      await write(server, "late").catch(() => calls.length);
      await pause();
      assert.deepEqual(calls, []);
      assert.equal(client.closed, true);
    });
  });

  test(`host ${name}: a closed channel shrugs off every other call`, async () => {
    await withPair(host, async (client) => {
      client.close();
      client.stopReading();
      client.startReading(new Recorder());
      client.setNoDelay(false);
      client.setKeepAlive(true);
      client.ref();
      client.unref();
      client.abort();
      await pause();
      assert.equal(client.closed, true);
    });
  });

  test(`host ${name}: a sink with a buffer is read into it`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      const own = new Uint8Array(100);
      const direct: ReadSink = {
        onData: () => assert.fail("no chunk was asked for"),
        onEof: () => sink.onEof(),
        onError: (error) => sink.onError(error),
        getBuffer: () => own,
        onBuffer: (buffer, count) => {
          assert.equal(buffer, own);
          sink.onData(buffer.slice(0, count));
        },
      };
      server.startReading(direct);
      const all = pattern(100_000);
      await write(client, all);
      await shutdown(client);
      await sink.ended();
      assert.ok(Buffer.compare(sink.all(), all) === 0);
    });
  });

  test(`host ${name}: buffers and chunks may alternate, with stops in between`, async () => {
    await withPair(host, async (client, server) => {
      const all = pattern(1 << 20);
      const got = new Recorder();
      const own = new Uint8Array(1000);
      let turn = 0;
      const next = (chunk: Uint8Array): void => {
        got.onData(chunk);
        if (++turn % 3 === 0) server.stopReading();
        setTimeout(() => server.startReading(turn % 2 === 0 ? plain : direct), 0);
      };
      const plain: ReadSink = {
        onData: next,
        onEof: () => got.onEof(),
        onError: (error) => got.onError(error),
      };
      const direct: ReadSink = {
        ...plain,
        getBuffer: () => turn % 5 === 0 ? null : own,
        onBuffer: (buffer, count) => next(buffer.slice(0, count)),
      };
      server.startReading(direct);
      const written = write(client, all).then(() => shutdown(client));
      await got.ended();
      await written;
      assert.ok(Buffer.compare(got.all(), all) === 0);
    });
  });

  test(`host ${name}: bytes in a sink's buffer wait for it, or go to the next sink as a copy`, async () => {
    for (const same of [true, false]) {
      await withPair(host, async (client, server) => {
        const seen: string[] = [];
        const own = new Uint8Array(10);
        const make = (label: string): ReadSink => ({
          onData: (chunk) => seen.push(`${label} chunk ${text(chunk)}`),
          onEof: () => seen.push("eof"),
          onError: () => seen.push("error"),
          getBuffer: () => label === "first" ? own : null,
          onBuffer: (buffer, count) => seen.push(`${label} buffer ${text(buffer.slice(0, count))}`),
        });
        const first = make("first");
        server.startReading(first);
        await pause();
        server.stopReading();
        await write(client, "held");
        await pause();
        assert.deepEqual(seen, []);
        server.startReading(same ? first : make("second"));
        await pause();
        assert.deepEqual(seen, [same ? "first buffer held" : "second chunk held"]);
      });
    }
  });

  test(`host ${name}: whatever the readers do, no byte is lost, twenty seeds long`, async () => {
    for (let seed = 1; seed <= 20; seed++) {
      await withPair(host, async (client, server) => {
        const random = chance(seed);
        const total = Math.floor(random() * 400_000);
        const outcome = await Promise.all([
          randomTraffic(client, server, total, random),
          randomTraffic(server, client, total, random),
        ]);
        assert.deepEqual(outcome, ["", ""], `seed ${seed}`);
      });
    }
  });

  test(`host ${name}: a reader that starts over in the middle of a chunk gets the rest first`, async () => {
    await withPair(host, async (client, server) => {
      const all = pattern(200_000);
      const got = new Recorder();
      const own = new Uint8Array(7);
      const direct: ReadSink = {
        onData: () => assert.fail("no chunk was asked for"),
        onEof: () => got.onEof(),
        onError: (error) => got.onError(error),
        getBuffer: () => own,
        onBuffer: (buffer, count) => {
          got.onData(buffer.slice(0, count));
          server.stopReading();
          server.startReading(direct);
        },
      };
      // A plain chunk first, so that the buffers are filled from it and not by the system.
      server.startReading(new Recorder());
      await pause();
      server.startReading(direct);
      await write(client, all);
      await shutdown(client);
      await got.ended();
      assert.ok(Buffer.compare(got.all(), all) === 0);
    });
  });

  test(`host ${name}: an aborted TCP peer shows as a reset, or as an end`, async () => {
    await withPair(host, async (client, server) => {
      const sink = new Recorder();
      server.startReading(sink);
      await pause();
      client.abort();
      await sink.ended();
      if (name === "Deno") assert.equal(sink.eof, true);
      else assert.ok(sink.error instanceof ConnectionResetError, `${sink.error}`);
    });
  });

  test(`host ${name}: writing to a peer that has gone ends with a ConnectionError`, async () => {
    await withPair(host, async (client, server) => {
      server.close();
      let error: unknown = null;
      for (let i = 0; i < 1000 && error === null; i++) {
        await write(client, pattern(1000)).catch((caught) => {
          error = caught;
        });
        await pause(1);
      }
      assert.ok(error instanceof OSError);
      assert.match(error.code, /^(EPIPE|ECONNRESET)$/);
    });
  });

  test(`host ${name}: a write that could not complete is told when the peer resets`, async () => {
    await withPair(host, async (client, server) => {
      const failed = (async () => {
        for (;;) await write(client, new Uint8Array(1 << 20));
      })().then(() => null, (error) => error);
      await pause();
      server.close();
      const error = await failed;
      assert.ok(error instanceof OSError);
      assert.match(error.code, /^(EPIPE|ECONNRESET)$/);
    });
  });

  test(`host ${name}: nobody at the port is a ConnectionRefusedError that names the address`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const port = portOf(listener);
    listener.close();
    const error = await host.connect({ hostname: "127.0.0.1", port }).promise.catch((e) => e);
    assert.ok(error instanceof ConnectionRefusedError);
    assert.equal(error.code, "ECONNREFUSED");
    assert.ok(error.message.includes(`127.0.0.1:${port}`), error.message);
  });

  test(`host ${name}: a port that is none is a RangeError`, async () => {
    await assert.rejects(host.connect({ hostname: "127.0.0.1", port: 65536 }).promise, RangeError);
    await assert.rejects(host.listenTcp({ hostname: "127.0.0.1", port: -1 }), RangeError);
  });

  test(`host ${name}: a connect that is called off rejects with ECANCELED`, async () => {
    // A test network that nobody answers from, or that the machine has no way to; either way it is
    // not connected.
    const operation = host.connect({ hostname: "192.0.2.1", port: 9 });
    operation.cancel();
    operation.cancel();
    const error = await operation.promise.catch((caught) => caught);
    assert.ok(error instanceof OSError);
    assert.equal(error.code, "ECANCELED");
  });

  test(`host ${name}: a connection that comes after the cancel is closed`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const acceptor = new Acceptor(listener);
    const operation = host.connect({ hostname: "127.0.0.1", port: portOf(listener) });
    // No error of this promise may surface as unhandled.
    await null;
    operation.cancel();
    await pause();
    for (const channel of acceptor.channels) {
      const sink = new Recorder();
      channel.startReading(sink);
      await sink.ended();
      channel.close();
    }
    listener.close();
    assert.equal((await operation.promise.catch((caught) => caught)).code, "ECANCELED");
  });

  test(`host ${name}: a connection that is called off just as it is made is closed`, {
    skip: !onDeno || host !== hosts[0]?.[1],
  }, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const acceptor = new Acceptor(listener);
    const runtime = (globalThis as unknown as { Deno: DenoConnect }).Deno;
    const { connect } = runtime;
    // What Deno does with its signal, with the cancel at the moment between the system's answer and this program's turn.
    runtime.connect = async ({ signal, ...options }) => {
      const conn = await connect(options);
      operation.cancel();
      signal?.throwIfAborted();
      return conn;
    };
    const operation = host.connect({ hostname: "127.0.0.1", port: portOf(listener) });
    assert.equal((await operation.promise.catch((caught) => caught)).code, "ECANCELED");
    runtime.connect = connect;
    const channel = await acceptor.next();
    const sink = new Recorder();
    channel.startReading(sink);
    const late = pause(10_000).then(() => assert.fail("it is still open"));
    try {
      await Promise.race([sink.ended(), late]);
    } finally {
      channel.close();
      listener.close();
    }
  });

  test(`host ${name}: a port in use is EADDRINUSE`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const error = await host.listenTcp({ hostname: "127.0.0.1", port: portOf(listener) })
      .catch((caught) => caught);
    listener.close();
    assert.ok(error instanceof OSError);
    assert.equal(error.code, "EADDRINUSE");
  });

  test(`host ${name}: the interface null serves both families, and shows IPv4 peers as such`, async () => {
    const listener = await host.listenTcp({ hostname: null, port: 0 });
    const acceptor = new Acceptor(listener);
    const client = await host.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
    const server = await acceptor.next();
    assert.deepEqual(server.remoteAddr, client.localAddr);
    assert.deepEqual(server.localAddr, client.remoteAddr);
    client.close();
    server.close();
    if (listener.addr.transport === "tcp" && listener.addr.hostname === "::") {
      const sixth = await host.connect({ hostname: "::1", port: portOf(listener) }).promise;
      const peer = await acceptor.next();
      assert.deepEqual(peer.remoteAddr, sixth.localAddr);
      sixth.close();
      peer.close();
    }
    listener.close();
  });

  test(`host ${name}: the local end may be chosen`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const acceptor = new Acceptor(listener);
    const client = await host.connect({
      hostname: "127.0.0.1",
      port: portOf(listener),
      localAddr: { hostname: "127.0.0.3", port: 0 },
    }).promise;
    const server = await acceptor.next();
    assert.equal(server.remoteAddr?.transport === "tcp" && server.remoteAddr.hostname, "127.0.0.3");
    client.close();
    server.close();
    listener.close();
  });

  test(`host ${name}: two listeners may share a port, or are told that they can't`, async () => {
    const first = await host.listenTcp({ hostname: "127.0.0.1", port: 0, reusePort: true })
      .catch((caught) => caught);
    if (first instanceof OSError) {
      assert.equal(first.code, "ENOTSUP");
      return;
    }
    const port = portOf(first);
    const second = await host.listenTcp({ hostname: "127.0.0.1", port, reusePort: true });
    assert.equal(portOf(second), port);
    first.close();
    second.close();
  });

  test(`host ${name}: a stopped listener keeps connections for the next start`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const early = await host.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
    await write(early, "early");
    await pause();
    const acceptor = new Acceptor(listener);
    const first = await acceptor.next();
    const sink = new Recorder();
    first.startReading(sink);
    await sink.received(5);
    listener.stop();
    const later = await host.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
    await pause();
    assert.equal(acceptor.channels.length, 0);
    listener.start(acceptor);
    const second = await acceptor.next();
    assert.deepEqual(second.remoteAddr, later.localAddr);
    for (const channel of [early, first, later, second]) channel.close();
    listener.close();
  });

  test(`host ${name}: a closed listener refuses, and its channels live on`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const port = portOf(listener);
    const acceptor = new Acceptor(listener);
    const client = await host.connect({ hostname: "127.0.0.1", port }).promise;
    const server = await acceptor.next();
    listener.close();
    listener.close();
    assert.equal(listener.closed, true);
    await assert.rejects(
      host.connect({ hostname: "127.0.0.1", port }).promise,
      ConnectionRefusedError,
    );
    const sink = new Recorder();
    server.startReading(sink);
    await write(client, "still here");
    await sink.received(10);
    client.close();
    server.close();
    assert.equal(text(sink.all()), "still here");
  });

  test(`host ${name}: the port of a closed listener is free at once`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    const acceptor = new Acceptor(listener);
    await pause(1);
    listener.close();
    const again = await host.listenTcp({ hostname: "127.0.0.1", port: portOf(listener) });
    assert.equal(portOf(again), portOf(listener));
    assert.deepEqual(acceptor.errors, []);
    again.close();
  });

  test(`host ${name}: connections held when the listener closes are closed`, async () => {
    const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
    listener.start({
      onConnection: () => assert.fail("stopped"),
      onError: () => assert.fail("stopped"),
    });
    listener.stop();
    const client = await host.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
    await pause();
    listener.close();
    const sink = new Recorder();
    client.startReading(sink);
    await sink.ended();
    assert.ok(sink.eof || sink.error instanceof ConnectionResetError);
    client.close();
  });

  test(`host ${name}: unix sockets carry bytes and know the listener's path`, async () => {
    const place = socketPath();
    const listener = await host.listenUnix({ path: place.path });
    const acceptor = new Acceptor(listener);
    const client = await host.connect({ path: place.path }).promise;
    const server = await acceptor.next();
    const sink = new Recorder();
    server.startReading(sink);
    await write(client, pattern(300_000));
    await shutdown(client);
    await sink.ended();
    assert.deepEqual(sink.all(), pattern(300_000));
    assert.deepEqual(client.localAddr, { transport: "unix", path: "" });
    assert.deepEqual(client.remoteAddr, { transport: "unix", path: place.path });
    assert.deepEqual(server.localAddr, { transport: "unix", path: place.path });
    assert.deepEqual(server.remoteAddr, { transport: "unix", path: "" });
    client.abort();
    server.abort();
    listener.close();
    await pause();
    assert.equal(fs.existsSync(place.path), false);
    fs.rmSync(place.folder, { recursive: true });
  });

  test(`host ${name}: a stale socket file makes way, another file does not`, async () => {
    const place = socketPath();
    const kept = await host.listenUnix({ path: place.path, cleanup: false });
    kept.close();
    await pause();
    assert.equal(fs.lstatSync(place.path).isSocket(), true);
    await assert.rejects(host.connect({ path: place.path }).promise, ConnectionRefusedError);
    const again = await host.listenUnix({ path: place.path });
    const client = await host.connect({ path: place.path }).promise;
    client.close();
    again.close();
    await pause();
    fs.writeFileSync(place.path, "precious");
    const error = await host.listenUnix({ path: place.path }).catch((caught) => caught);
    assert.equal(error.code, "EADDRINUSE");
    assert.equal(fs.readFileSync(place.path, "utf8"), "precious");
    fs.rmSync(place.folder, { recursive: true });
  });

  test(`host ${name}: a file that took the socket's place is left alone`, async () => {
    const place = socketPath();
    const listener = await host.listenUnix({ path: place.path });
    fs.unlinkSync(place.path);
    fs.writeFileSync(place.path, "someone else's");
    listener.close();
    await pause();
    assert.deepEqual(fs.readdirSync(place.folder), ["s.sock"]);
    assert.equal(fs.readFileSync(place.path, "utf8"), "someone else's");
    fs.rmSync(place.folder, { recursive: true });
  });

  test(`host ${name}: no file, no folder and too long a path are told apart`, async () => {
    const place = socketPath();
    await assert.rejects(host.connect({ path: place.path }).promise, FileNotFoundError);
    const inNoFolder = path.join(place.folder, "none", "s.sock");
    const noFolder = await host.listenUnix({ path: inNoFolder }).catch((e) => e);
    assert.ok(noFolder instanceof OSError);
    const tooLong = await host.listenUnix({ path: "/tmp/" + "x".repeat(103) }).catch((e) => e);
    assert.ok(tooLong instanceof OSError);
    fs.rmSync(place.folder, { recursive: true });
    assert.deepEqual([noFolder.code, tooLong.code], ["ENOENT", "EINVAL"]);
  });

  if (fs.existsSync("/proc/self")) {
    test(`host ${name}: abstract unix names need no file`, async () => {
      const abstract = `\0asyncio-host-${name}-${process.pid}`;
      const listener = await host.listenUnix({ path: abstract });
      const acceptor = new Acceptor(listener);
      const client = await host.connect({ path: abstract }).promise;
      const server = await acceptor.next();
      const sink = new Recorder();
      client.startReading(sink);
      await write(server, "hello");
      await sink.received(5);
      assert.equal(text(sink.all()), "hello");
      assert.deepEqual(client.remoteAddr, { transport: "unix", path: abstract });
      client.close();
      server.close();
      listener.close();
    });
  }
}
