import assert from "node:assert/strict";
import {
  type ConnectOptions,
  NotImplementedError,
  openConnection,
  OSError,
  Socket,
  SSLError,
  startServer,
  type StreamReader,
  type StreamWriter,
  type TlsOptions,
  waitFor,
} from "../../../mod.ts";
import { HelloReader } from "../../../net/tls/client_hello.ts";
import {
  caCert,
  clientCert,
  clientKey,
  encryptedKeys,
  serverCert,
  serverKey,
} from "../../_support/certificates.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { portOf, runs, text, until } from "../../_support/streams.ts";

const serverSsl: TlsOptions = { cert: serverCert, key: serverKey };
const clientSsl: TlsOptions = { caCerts: [caCert] };
const onDeno = "Deno" in globalThis;

/** What a client and its server know of a connection; an error where there is none. */
interface Met {
  readonly protocol: string | null;
  readonly cipher: readonly [name: string, version: string];
  /** The name in the server's certificate. */
  readonly server: string;
}

/** Makes connections with the server's options, one for each of the clients', and tells what came of them. */
async function meet(
  ssl: TlsOptions,
  clients: readonly (TlsOptions & Pick<ConnectOptions, "serverHostname">)[],
): Promise<(Met | Error)[]> {
  const greet = async (reader: StreamReader, writer: StreamWriter): Promise<void> => {
    await reader.readline();
    writer.write(`${writer.getExtraInfo("alpnProtocol")}\n`);
    writer.close();
  };
  const server = await startServer(greet, "127.0.0.1", 0, { ssl: { ...serverSsl, ...ssl } });
  const met: (Met | Error)[] = [];
  for (const { serverHostname = "localhost", ...client } of clients) {
    const options = { ssl: { ...clientSsl, ...client }, serverHostname };
    met.push(await talk(portOf(server), options).catch((error) => error));
  }
  server.close();
  await waitFor(server.waitClosed(), 10);
  return met;
}

async function talk(port: number, options: ConnectOptions): Promise<Met> {
  const [reader, writer] = await openConnection("127.0.0.1", port, options);
  writer.write("hello\n");
  const protocol = writer.getExtraInfo("alpnProtocol");
  // In TLS 1.3 a client hears of a refusal when it reads.
  assert.equal(text(await reader.readexactly(`${protocol}\n`.length)), `${protocol}\n`);
  const { subject } = writer.getExtraInfo("peercert") as { subject: { CN: string } };
  const [name, version] = writer.getExtraInfo("cipher")!;
  writer.close();
  await writer.waitClosed();
  return { protocol, cipher: [name, version], server: subject.CN };
}

function protocols(met: readonly (Met | Error)[]): unknown[] {
  return met.map((one) => one instanceof Error ? one : one.protocol);
}

runs("TLSX-01: a client with protocols of which the server has none goes on without", async () => {
  const met = await meet({ alpnProtocols: ["h2", "acme"] }, [
    { alpnProtocols: ["http/1.1"] },
    { alpnProtocols: ["acme", "h2"] },
    { alpnProtocols: ["http/1.1", "acme"] },
    { alpnProtocols: [] },
    {},
    { alpnProtocols: ["http/1.1"] },
    { alpnProtocols: ["h"] },
  ]);
  assert.deepEqual(protocols(met), [null, "h2", "acme", null, null, null, null]);
});

runs("TLSX-01: a server with an empty list goes on without a protocol", async () => {
  const met = await meet({ alpnProtocols: [] }, [{ alpnProtocols: ["h2"] }, {}]);
  assert.deepEqual(protocols(met), [null, null]);
});

runs("TLSX-02: alpnRequired on the server refuses whoever agrees on none", async () => {
  const met = await meet({ alpnProtocols: ["h2"], alpnRequired: true }, [
    { alpnProtocols: ["http/1.1"] },
    { alpnProtocols: ["h2"] },
    {},
  ]);
  assert.ok(met[0] instanceof OSError, String(met[0]));
  assert.deepEqual(protocols(met.slice(1, 2)), ["h2"]);
  assert.ok(met[2] instanceof Error, String(met[2]));
});

runs("TLSX-02: alpnRequired on the client refuses a server without them", async () => {
  const required = { alpnProtocols: ["h2"], alpnRequired: true };
  for (const ssl of [{}, { alpnProtocols: ["http/1.1"] }]) {
    const [refused] = await meet(ssl, [required]);
    assert.ok(refused instanceof SSLError, String(refused));
    assert.equal(refused.code, "ERR_SSL_NO_APPLICATION_PROTOCOL");
    assert.match(refused.message, /h2/);
  }
  assert.deepEqual(protocols(await meet({ alpnProtocols: ["h2"] }, [required])), ["h2"]);
});

runs("TLSX-03: an encrypted key is read with its passphrase", async () => {
  for (const key of encryptedKeys) {
    const [met] = await meet({ key, passphrase: "secret" }, [{}]);
    assert.ok(met !== undefined && !(met instanceof Error), String(met));
    assert.equal(met.server, "localhost");
  }
});

runs("TLSX-03: a key that needs no passphrase is read with one", async () => {
  const [met] = await meet({ passphrase: "secret" }, [{}]);
  assert.ok(!(met instanceof Error), String(met));
});

runs(
  "TLSX-03: a wrong passphrase, or none, is told before anything is opened",
  async ({ loop }) => {
    const nobody = new Recorder();
    for (const key of encryptedKeys) {
      for (const passphrase of [{ passphrase: "wrong" }, {}]) {
        const ssl = { cert: serverCert, key, ...passphrase };
        const told = {
          name: "SSLError",
          message: /^reading the (server|client)'s certificate and key: /,
        };
        await assert.rejects(loop.createServer(() => nobody, "127.0.0.1", 0, { ssl }), told);
        // Nobody listens there, and nobody is asked.
        await assert.rejects(loop.createConnection(() => nobody, "127.0.0.1", 1, { ssl }), told);
        const sock = new Socket();
        const taken = { sock, ssl, serverHostname: "x" };
        await assert.rejects(loop.createConnection(() => nobody, null, null, taken), told);
        await assert.rejects(loop.connectAcceptedSocket(() => nobody, sock, { ssl }), told);
        sock.close();
      }
    }
  },
);

runs(
  "TLSX-03: startTls() with a key that can't be read leaves the connection as it was",
  async () => {
    const server = await startServer(
      async (reader, writer) => {
        const key = encryptedKeys[0];
        await assert.rejects(
          writer.startTls({ cert: serverCert, key, passphrase: "wrong" }),
          SSLError,
        );
        writer.write(await reader.readline());
        await assert.rejects(writer.startTls({ cert: serverCert, key: "none" }), SSLError);
        writer.write(await reader.readline());
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
    await assert.rejects(
      writer.startTls({ cert: clientCert, key: serverKey }, { serverHostname: "" }),
      SSLError,
    );
    writer.write("one\ntwo\n");
    assert.equal(text(await reader.read()), "one\ntwo\n");
    writer.close();
    server.close();
    await waitFor(server.waitClosed(), 10);
  },
);

runs("TLSX-04: both sides may bound the version", async () => {
  const versions = async (ssl: TlsOptions, client: TlsOptions): Promise<unknown> => {
    const [met] = await meet(ssl, [client]);
    return met instanceof Error ? "refused" : met!.cipher[1];
  };
  assert.equal(await versions({}, {}), "TLSv1.3");
  assert.equal(await versions({ maximumVersion: "TLSv1.2" }, {}), "TLSv1.2");
  assert.equal(await versions({}, { maximumVersion: "TLSv1.2" }), "TLSv1.2");
  assert.equal(await versions({ minimumVersion: "TLSv1.3" }, {}), "TLSv1.3");
  const [old, young] = [{ maximumVersion: "TLSv1.2" }, { minimumVersion: "TLSv1.3" }] as const;
  assert.equal(await versions(old, young), "refused");
  assert.equal(await versions(young, old), "refused");
});

runs(
  "TLSX-05: ciphers choose those of TLS 1.2 and leave TLS 1.3 alone; Deno refuses them",
  async () => {
    const ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384";
    if (onDeno) {
      await assert.rejects(meet({ ciphers }, [{}]), NotImplementedError);
      const [refused] = await meet({}, [{ ciphers }]);
      assert.ok(refused instanceof NotImplementedError, String(refused));
      return;
    }
    const [old, young] = [{ maximumVersion: "TLSv1.2" }, {}] as const;
    const ofServer = await meet({ ciphers }, [old, young]);
    const ofClient = await meet({}, [{ ...old, ciphers }, { ...young, ciphers }]);
    for (const met of [ofServer, ofClient]) {
      assert.deepEqual(met.map((one) => one instanceof Error ? one : one.cipher[1]), [
        "TLSv1.2",
        "TLSv1.3",
      ]);
      assert.equal((met[0] as Met).cipher[0], ciphers);
    }
  },
);

runs("TLSX-05: ciphers that are none are told before anything is opened", async ({ loop }) => {
  const ssl = { ...serverSsl, ciphers: "NO-SUCH-CIPHER" };
  const told = onDeno ? NotImplementedError : SSLError;
  await assert.rejects(loop.createServer(() => new Recorder(), "127.0.0.1", 0, { ssl }), told);
  await assert.rejects(
    openConnection("127.0.0.1", 1, { ssl: { ciphers: "NO-SUCH-CIPHER" } }),
    told,
  );
});

const other = { cert: clientCert, key: clientKey };

runs("TLSX-06: a server shows the certificate of the name that is asked for", async () => {
  const serverNames = { "client.test": other, "*.sub.test": other };
  const asks = [
    "client.test",
    "localhost",
    "CLIENT.test",
    "other.test",
    "a.sub.test",
    "a.b.sub.test",
    "sub.test",
  ];
  const met = await meet(
    { serverNames },
    asks.map((serverHostname) => {
      return { serverHostname, verifyPeer: false };
    }),
  );
  assert.deepEqual(met.map((one) => one instanceof Error ? one : one.server), [
    "client.test",
    "localhost",
    "client.test",
    "localhost",
    "client.test",
    "localhost",
    "localhost",
  ]);
  // And the name is checked.
  const [good] = await meet({ serverNames }, [{ serverHostname: "client.test" }]);
  assert.ok(!(good instanceof Error), String(good));
});

runs("TLSX-06: a client that asks for nobody gets the certificate for everybody", async () => {
  const [met] = await meet({ serverNames: { "client.test": other } }, [{ serverHostname: "" }]);
  assert.equal((met as Met).server, "localhost");
});

runs("TLSX-06: names, protocols, client certificates and encrypted keys go together", async () => {
  const key = encryptedKeys[0];
  const ssl: TlsOptions = {
    ...other,
    serverNames: { localhost: { cert: serverCert, key, passphrase: "secret" } },
    alpnProtocols: ["h2"],
    verifyPeer: true,
    caCerts: [caCert],
  };
  const asks: [string, string][] = [
    ["localhost", "h2"],
    ["localhost", "h3"],
    ["client.test", "h3"],
    ["client.test", "h2"],
    ["localhost", "h2"],
  ];
  const met = await meet(
    ssl,
    asks.map(([serverHostname, protocol]) => {
      return { ...other, serverHostname, alpnProtocols: [protocol] };
    }),
  );
  assert.deepEqual(met.map((one) => one instanceof Error ? one : [one.server, one.protocol]), [
    ["localhost", "h2"],
    ["localhost", null],
    ["client.test", null],
    ["client.test", "h2"],
    ["localhost", "h2"],
  ]);
  // Without a certificate of its own nobody comes in, whomever he asks for.
  for (const serverHostname of ["localhost", "client.test"]) {
    const [refused] = await meet(ssl, [{ serverHostname, alpnProtocols: ["h3"] }]);
    assert.ok(refused instanceof Error, String(refused));
  }
});

runs("TLSX-06: startTls() on a server knows names too", async () => {
  const server = await startServer(
    async (reader, writer) => {
      await reader.readline();
      writer.write("ready\n");
      await writer.startTls({ ...serverSsl, serverNames: { "client.test": other } });
      writer.write(await reader.readline());
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  writer.write("STARTTLS\n");
  await reader.readline();
  await writer.startTls(clientSsl, { serverHostname: "client.test" });
  writer.write("in secret\n");
  assert.equal(text(await reader.read()), "in secret\n");
  writer.close();
  server.close();
  await waitFor(server.waitClosed(), 10);
});

runs(
  "TLSX-06: a certificate for a name that can't be read is told before the server listens",
  async ({ loop }) => {
    const ssl = {
      ...serverSsl,
      serverNames: { "a.test": other, "b.test": { ...other, key: serverKey } },
    };
    await assert.rejects(loop.createServer(() => new Recorder(), "127.0.0.1", 0, { ssl }), {
      name: "SSLError",
      message: /^reading b.test's certificate and key: /,
    });
  },
);

const wrong: [ssl: TlsOptions, name: string, message: RegExp][] = [
  [
    { minimumVersion: "TLSv1.3", maximumVersion: "TLSv1.2" },
    "RangeError",
    /minimumVersion must not be above maximumVersion, received TLSv1.3/,
  ],
  [{ minimumVersion: "TLSv1.1" as "TLSv1.2" }, "RangeError", /"TLSv1.2", "TLSv1.3"/],
  [{ passphrase: "secret" }, "RangeError", /with key/],
  [{ alpnRequired: true }, "RangeError", /alpnProtocols/],
  [{ alpnRequired: true, alpnProtocols: [] }, "RangeError", /alpnProtocols/],
  [{ alpnProtocols: [""] }, "RangeError", /1 to 255 bytes/],
  [{ alpnProtocols: ["ä".repeat(128)] }, "RangeError", /received 256/],
  [{ ciphers: "ECDHE:TLS_AES_128_GCM_SHA256" }, "RangeError", /TLS_AES_128_GCM_SHA256/],
  [{ serverNames: {} }, "RangeError", /for servers/],
  [{ serverNames: { "A.test": other } }, "RangeError", /"a.test"/],
  [{ serverNames: { "127.0.0.1": other } }, "RangeError", /not a name/],
  [{ serverNames: { "a.*.test": other } }, "RangeError", /not a name/],
  [{ serverNames: { "a.test": { cert: "x" } as typeof other } }, "TypeError", /received no key/],
  [
    { serverNames: { "a.test": { ...other, pass: "x" } as typeof other } },
    "TypeError",
    /passphrase/,
  ],
  [{ serverNames: new Map() as unknown as Record<string, never> }, "TypeError", /serverNames/],
  [{ minVersion: "TLSv1.3" } as TlsOptions, "TypeError", /minimumVersion/],
];
runs("TLSX-07: options that make no sense, or none together, are refused at the call", async () => {
  for (const [ssl, name, message] of wrong) {
    await assert.rejects(openConnection("127.0.0.1", 1, { ssl }), { name, message });
  }
});

/** The first message of this runtime's own client. */
async function helloOf(servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  const { connect } = await import("node:tls");
  const { PassThrough, Duplex } = await import("node:stream");
  const [up, down] = [new PassThrough(), new PassThrough()];
  const socket = connect({
    socket: Duplex.from({ readable: down, writable: up }),
    servername,
    ALPNProtocols,
  });
  socket.on("error", () => {});
  let hello = Buffer.alloc(0);
  up.on("data", (chunk) => hello = Buffer.concat([hello, chunk]));
  await until(() => hello.length > 5 && hello.length >= 5 + hello.readUInt16BE(3));
  socket.destroy();
  return hello;
}

runs("TLSX-08: a hello is understood in whatever pieces and records it comes", async () => {
  const hello = await helloOf("Name.test", ["h2", "b"]);
  const expected = { serverName: "name.test", protocols: ["h2", "b"] };
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 7) {
    const part = message.subarray(at, at + 7);
    records.push(Buffer.from([22, 3, 1, 0, part.length]), part);
  }
  for (const whole of [hello, Buffer.concat(records)]) {
    for (const size of [1, 2, 5, 6, 100, whole.length]) {
      const reader = new HelloReader();
      let done = false;
      for (let at = 0; at < whole.length; at += size) {
        assert.equal(done, false, `it ended at ${at}`);
        done = reader.feed(whole.subarray(at, at + size));
      }
      assert.equal(done, true);
      assert.deepEqual(reader.hello, expected);
      assert.equal(Buffer.compare(reader.bytes, whole), 0);
    }
  }
});

runs("TLSX-08: what is no hello, or a spoiled one, is left to TLS", async () => {
  const hello = await helloOf("name.test", ["h2"]);
  const refused: Uint8Array[] = [
    Buffer.from("GET / HTTP/1.1\r\n"),
    Buffer.from([22, 3, 1, 0, 0, 22, 3, 1]),
    Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]),
    Buffer.alloc(70_000, Buffer.from([22, 3, 1, 0, 7, 1, 255, 255, 255, 0, 0, 0])),
  ];
  for (const bytes of refused) {
    const reader = new HelloReader();
    assert.equal(reader.feed(bytes), true);
    assert.equal(reader.hello, null);
    assert.equal(Buffer.compare(reader.bytes, bytes), 0);
  }
  // Whatever byte is another one, it is understood, or left to TLS, or waited for.
  for (let at = 0; at < hello.length; at++) {
    for (const flip of [1, 128, 255]) {
      const spoiled = Buffer.from(hello);
      spoiled[at]! ^= flip;
      const reader = new HelloReader();
      const done = reader.feed(spoiled);
      assert.ok(done || reader.hello === null);
    }
  }
});

runs("TLSX-08: a peer that is no client, or leaves in its hello, ends alone", async ({ loop }) => {
  const { connect } = await import("node:net");
  const ssl = { ...serverSsl, alpnProtocols: ["h2"] };
  const hello = await helloOf("localhost", ["h3"]);
  const server = await loop.createServer(() => new Recorder(), "127.0.0.1", 0, { ssl });
  for (
    const bytes of [Buffer.from("GET / HTTP/1.1\r\n\r\n"), hello.subarray(0, 50), Buffer.alloc(0)]
  ) {
    let closed = false;
    const peer = connect(portOf(server), "127.0.0.1");
    peer.on("error", () => {});
    peer.on("close", () => closed = true);
    peer.resume();
    peer.end(bytes);
    await until(() => closed);
  }
  const [, writer] = await openConnection("127.0.0.1", portOf(server), {
    ssl: clientSsl,
    serverHostname: "localhost",
  });
  writer.close();
  await writer.waitClosed();
  server.close();
  await waitFor(server.waitClosed(), 10);
});
