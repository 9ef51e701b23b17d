import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConnectionResetError,
  OSError,
  SSLCertVerificationError,
  SSLError,
} from "../../../runtime/errors/os_error.ts";
import type { NetHost, RawChannel, TlsChannel, UpgradeTls } from "../../../net/core/host.ts";
import {
  caCert,
  clientCert,
  clientKey,
  serverCert,
  serverKey,
} from "../../_support/certificates.ts";
import {
  chance,
  hosts,
  pattern,
  pause,
  randomTraffic,
  Recorder,
  shutdown,
  text,
  withPair,
  write,
} from "../../_support/net_hosts.ts";

const serverSide: UpgradeTls = { isServer: true, cert: serverCert, key: serverKey };
const clientSide: UpgradeTls = {
  isServer: false,
  caCerts: [caCert],
  serverHostname: "localhost",
};

/** Both ends of one handshake: what each side got, a channel or an error. */
async function handshake(
  host: NetHost,
  client: RawChannel,
  server: RawChannel,
  clientOptions: Partial<UpgradeTls> = {},
  serverOptions: Partial<UpgradeTls> = {},
): Promise<[client: TlsChannel | Error, server: TlsChannel | Error]> {
  return await Promise.all([
    host.upgradeTls(client, { ...clientSide, ...clientOptions }).promise.catch((error) => error),
    host.upgradeTls(server, { ...serverSide, ...serverOptions }).promise.catch((error) => error),
  ]);
}

async function withTls(
  host: NetHost,
  body: (client: TlsChannel, server: TlsChannel) => Promise<void>,
  clientOptions: Partial<UpgradeTls> = {},
  serverOptions: Partial<UpgradeTls> = {},
): Promise<void> {
  await withPair(host, async (rawClient, rawServer) => {
    const [client, server] = await handshake(
      host,
      rawClient,
      rawServer,
      clientOptions,
      serverOptions,
    );
    if (client instanceof Error) throw client;
    if (server instanceof Error) throw server;
    await body(client, server);
    client.close();
    server.close();
  });
}

for (const [name, host] of hosts) {
  test(`host TLS ${name}: bytes go both ways, and both sides know what was agreed on`, async () => {
    await withTls(
      host,
      async (client, server) => {
        const [there, back] = [new Recorder(), new Recorder()];
        server.startReading(there);
        client.startReading(back);
        await write(client, "ping");
        await there.received(4);
        await write(server, "pong!");
        await back.received(5);
        assert.equal(text(there.all()) + text(back.all()), "pingpong!");
        assert.equal(client.tls.alpnProtocol, "b");
        assert.equal(server.tls.alpnProtocol, "b");
        assert.equal(server.tls.serverName, "localhost");
        assert.equal(client.tls.cipher?.[1], "TLSv1.3");
        assert.equal(client.tls.cipher?.[2], server.tls.cipher?.[2]);
        const certificate = client.tls.peerCertificate as { subject: { CN: string } };
        assert.equal(certificate.subject.CN, "localhost");
        assert.equal(server.tls.peerCertificate, null);
        assert.deepEqual(client.localAddr, server.remoteAddr);
      },
      { alpnProtocols: ["a", "b"] },
      { alpnProtocols: ["b"] },
    );
  });

  test(`host TLS ${name}: 4 MiB each way at once, read with stops, arrive in order`, async () => {
    await withTls(host, async (client, server) => {
      const all = pattern(4 << 20);
      const ends = [client, server].map(async (channel) => {
        const sink = new Recorder();
        sink.changed = () => {
          channel.stopReading();
          setTimeout(() => channel.startReading(sink), 0);
        };
        channel.startReading(sink);
        for (let at = 0; at < all.length; at += 64 * 1024) {
          await write(channel, all.subarray(at, at + 64 * 1024));
        }
        while (sink.length < all.length) await pause(5);
        return sink.all();
      });
      for (const got of await Promise.all(ends)) assert.ok(Buffer.compare(got, all) === 0);
    });
  });

  test(`host TLS ${name}: whatever the readers do, no byte is lost, ten seeds long`, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      await withTls(host, async (client, server) => {
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

  test(`host TLS ${name}: an end that comes while reading is stopped is told afterwards`, async () => {
    await withTls(host, async (client, server) => {
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

  test(`host TLS ${name}: the end of one direction leaves the other open`, async () => {
    await withTls(host, async (client, server) => {
      const [there, back] = [new Recorder(), new Recorder()];
      server.startReading(there);
      client.startReading(back);
      await write(client, "question");
      await shutdown(client);
      await there.ended();
      assert.equal(there.eof, true);
      await write(server, "answer");
      await shutdown(server);
      await back.ended();
      assert.equal(text(back.all()), "answer");
      assert.equal(back.eof, true);
    });
  });

  test(`host TLS ${name}: an orderly end loses nothing`, async () => {
    await withTls(host, async (client, server) => {
      const [there, back] = [new Recorder(), new Recorder()];
      server.startReading(there);
      client.startReading(back);
      const all = pattern(1 << 20);
      await write(client, all);
      await shutdown(client);
      await there.ended();
      server.close();
      await back.ended();
      client.close();
      assert.ok(Buffer.compare(there.all(), all) === 0);
      assert.equal(back.error, null);
    });
  });

  test(`host TLS ${name}: bytes that wait in the channel when it is upgraded are the handshake's`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      // STARTTLS: the server has read plain text, and the client's greeting is there before the
      // server begins.
      const plain = new Recorder();
      rawServer.startReading(plain);
      await write(rawClient, "STARTTLS\n");
      await plain.received(9);
      const clientOperation = host.upgradeTls(rawClient, clientSide);
      rawServer.stopReading();
      await pause();
      const server = await host.upgradeTls(rawServer, serverSide).promise;
      const client = await clientOperation.promise;
      const sink = new Recorder();
      client.startReading(sink);
      await write(server, "secret");
      await sink.received(6);
      assert.equal(text(sink.all()), "secret");
      assert.equal(plain.length, 9);
      client.close();
      server.close();
    });
  });

  test(`host TLS ${name}: TLS goes through TLS`, async () => {
    await withTls(host, async (outerClient, outerServer) => {
      const [client, server] = await handshake(host, outerClient, outerServer);
      assert.ok(!(client instanceof Error) && !(server instanceof Error), `${client} ${server}`);
      const sink = new Recorder();
      server.startReading(sink);
      await write(client, pattern(100_000));
      await sink.received(100_000);
      assert.ok(Buffer.compare(sink.all(), pattern(100_000)) === 0);
      client.close();
      server.close();
    });
  });

  test(`host TLS ${name}: a certificate nobody trusts is a SSLCertVerificationError`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      const [client, server] = await handshake(host, rawClient, rawServer, { caCerts: [] });
      assert.ok(client instanceof SSLCertVerificationError, String(client));
      if (!(server instanceof Error)) server.close();
      assert.equal(rawClient.closed, true);
    });
  });

  test(`host TLS ${name}: a certificate for another name is a SSLCertVerificationError`, async () => {
    for (const serverHostname of ["example.org", "127.0.0.2"]) {
      await withPair(host, async (rawClient, rawServer) => {
        const [client, server] = await handshake(host, rawClient, rawServer, { serverHostname });
        assert.ok(client instanceof SSLCertVerificationError, String(client));
        if (!(server instanceof Error)) server.close();
      });
    }
  });

  test(`host TLS ${name}: an address may stand in the certificate, an empty name checks none`, async () => {
    for (const serverHostname of ["127.0.0.1", ""]) {
      await withTls(host, (client, server) => {
        assert.equal(server.tls.serverName, null);
        assert.ok(client.tls.cipher !== null);
        return Promise.resolve();
      }, { serverHostname });
    }
  });

  test(`host TLS ${name}: a client that verifies nothing connects to anyone`, async () => {
    await withTls(host, (client) => {
      assert.ok(client.tls.peerCertificate !== null);
      return Promise.resolve();
    }, { verifyPeer: false, caCerts: [], serverHostname: "example.org" });
  });

  test(`host TLS ${name}: a server may ask for a certificate`, async () => {
    await withTls(
      host,
      (_client, server) => {
        const certificate = server.tls.peerCertificate as { subject: { CN: string } };
        assert.equal(certificate.subject.CN, "client.test");
        return Promise.resolve();
      },
      { cert: clientCert, key: clientKey },
      { verifyPeer: true, caCerts: [caCert] },
    );
  });

  test(`host TLS ${name}: a client without the certificate asked for is refused`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      const [client, server] = await handshake(host, rawClient, rawServer, {}, {
        verifyPeer: true,
        caCerts: [caCert],
      });
      assert.ok(server instanceof OSError, String(server));
      // In TLS 1.3 the client is done before the server has looked; it hears of it when it reads.
      if (!(client instanceof Error)) {
        const sink = new Recorder();
        client.startReading(sink);
        await sink.ended();
        assert.ok(sink.error instanceof OSError || sink.eof);
        client.close();
      }
    });
  });

  test(`host TLS ${name}: a peer that does not speak TLS is an SSLError`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      const operation = host.upgradeTls(rawClient, clientSide);
      await write(rawServer, "HTTP/1.1 400 Bad Request\r\n\r\n");
      const error = await operation.promise.catch((caught) => caught);
      assert.ok(error instanceof SSLError, String(error));
      assert.equal(rawClient.closed, true);
    });
  });

  test(`host TLS ${name}: a peer that leaves in the handshake is a ConnectionResetError`, async () => {
    for (const isServer of [false, true]) {
      await withPair(host, async (rawClient, rawServer) => {
        const operation = isServer
          ? host.upgradeTls(rawServer, serverSide)
          : host.upgradeTls(rawClient, clientSide);
        await pause();
        (isServer ? rawClient : rawServer).close();
        const error = await operation.promise.catch((caught) => caught);
        assert.ok(error instanceof ConnectionResetError, `${isServer} ${error}`);
      });
    }
  });

  test(`host TLS ${name}: a handshake that is called off aborts the channel`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      const sink = new Recorder();
      const operation = host.upgradeTls(rawClient, clientSide);
      await pause();
      operation.cancel();
      const error = await operation.promise.catch((caught) => caught);
      assert.equal(error.code, "ECANCELED");
      assert.equal(rawClient.closed, true);
      rawServer.startReading(sink);
      await sink.ended();
      assert.ok(sink.eof || sink.error instanceof ConnectionResetError);
    });
  });

  test(`host TLS ${name}: keys and certificates that are none are an OSError, and abort the channel`, async () => {
    await withPair(host, async (_rawClient, rawServer) => {
      const operation = host.upgradeTls(rawServer, { isServer: true, cert: "no", key: "no" });
      const error = await operation.promise.catch((caught) => caught);
      assert.ok(error instanceof OSError, String(error));
      assert.equal(rawServer.closed, true);
    });
  });

  test(`host TLS ${name}: a peer that aborts ends the reading, by a reset where there is one`, async () => {
    await withTls(host, async (client, server) => {
      const sink = new Recorder();
      client.startReading(sink);
      client.setNoDelay(false);
      client.setKeepAlive(true);
      client.unref();
      client.ref();
      await pause();
      server.abort();
      await sink.ended();
      assert.ok(sink.eof || sink.error instanceof ConnectionResetError, String(sink.error));
      await pause();
      const error = await write(client, "gone").catch((caught) => caught);
      assert.ok(error === undefined || error instanceof OSError);
    });
  });

  test(`host TLS ${name}: after close nothing calls back`, async () => {
    await withTls(host, async (client, server) => {
      const sink = new Recorder();
      let calls = 0;
      sink.changed = () => calls++;
      client.startReading(sink);
      client.write(pattern(1 << 20), () => calls++);
      client.close();
      client.close();
      await write(server, "late").catch(() => calls);
      await pause();
      assert.equal(calls, 0);
    });
  });

  test(`host TLS ${name}: spoiled records are an SSLError of the reader`, async () => {
    await withPair(host, async (rawClient, rawServer) => {
      const [client, server] = await handshake(host, rawClient, rawServer);
      assert.ok(!(client instanceof Error) && !(server instanceof Error));
      const sink = new Recorder();
      client.startReading(sink);
      // Behind the back of the server's TLS.
      await write(rawServer, pattern(100));
      await sink.ended();
      assert.ok(sink.error instanceof SSLError, String(sink.error));
      client.close();
      server.close();
    });
  });
}
