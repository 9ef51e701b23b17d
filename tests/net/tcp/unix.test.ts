import assert from "node:assert/strict";
import {
  AF_INET,
  AF_UNIX,
  FileNotFoundError,
  openUnixConnection,
  OSError,
  sleep,
  SOCK_DGRAM,
  Socket,
  startUnixServer,
  type TlsOptions,
} from "../../../mod.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { runs, text, until, withPath } from "../../_support/streams.ts";

const make = () => new Recorder();

runs("UNIX-01: a stale socket file is replaced", ({ loop }) =>
  withPath(async (path) => {
    const first = await loop.createUnixServer(make, path, { cleanupSocket: false });
    first.close();
    await first.waitClosed();
    const server = await loop.createUnixServer(make, path);
    const [transport] = await loop.createUnixConnection(make, path);
    transport.close();
    server.close();
    await server.waitClosed();
    assert.equal(server.isServing(), false);
  }));

runs(
  "UNIX-01: an ordinary file in the way is an OSError, and stays",
  ({ loop }) =>
    withPath(async (path) => {
      const { readFile, writeFile } = await import("node:fs/promises");
      await writeFile(path, "precious");
      await assert.rejects(loop.createUnixServer(make, path), (error) => {
        assert.ok(error instanceof OSError);
        assert.equal(error.code, "EADDRINUSE");
        assert.match(error.message, /Address ".*" is already in use/);
        return true;
      });
      assert.equal(await readFile(path, "utf8"), "precious");
    }),
);

runs("UNIX-01: a path that can't be bound is an OSError", async ({ loop }) => {
  await assert.rejects(
    loop.createUnixServer(make, "/no such folder/socket"),
    FileNotFoundError,
  );
  await assert.rejects(loop.createUnixServer(make, `/tmp/${"x".repeat(200)}`), OSError);
});

runs("UNIX-01: abstract names need no file", async ({ loop }) => {
  const path = `\0asyncio-test-${Math.random()}`;
  const protocol = new Recorder();
  const server = await loop.createUnixServer(() => protocol, path);
  const [transport] = await loop.createUnixConnection(make, path);
  transport.write("abstract");
  await until(() => protocol.received === "abstract");
  transport.close();
  server.close();
  await server.waitClosed();
});

runs("UNIX-02: ssl: true is a TypeError", async ({ loop }) => {
  const ssl = true as unknown as TlsOptions;
  await assert.rejects(loop.createUnixServer(make, "/x", { ssl }), TypeError);
});

runs("UNIX-02: neither path nor { sock } is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createUnixServer(make, null), {
    name: "RangeError",
    message: "path was not specified, and no sock specified",
  });
});

const wrong: [what: string, sock: () => Socket][] = [
  ["an internet socket", () => new Socket(AF_INET)],
  ["a datagram socket", () => new Socket(AF_UNIX, SOCK_DGRAM)],
];
for (const [what, sock] of wrong) {
  runs(`UNIX-02: ${what} is a RangeError`, async ({ loop }) => {
    await assert.rejects(loop.createUnixServer(make, null, { sock: sock() }), {
      name: "RangeError",
      message: /^A UNIX Domain Stream Socket was expected, got <Socket/,
    });
  });

  runs(`UNIX-03: connecting ${what} is a RangeError`, async ({ loop }) => {
    await assert.rejects(loop.createUnixConnection(make, null, { sock: sock() }), {
      name: "RangeError",
      message: /^A UNIX Domain Stream Socket was expected, got <Socket/,
    });
  });
}

runs("UNIX-02: a handshake timeout without ssl is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createUnixServer(make, "/x", { sslHandshakeTimeout: 1 }), {
    name: "RangeError",
    message: "sslHandshakeTimeout is only meaningful with ssl",
  });
});

runs("UNIX-03: a path beside { sock }, or neither, is a RangeError", async ({ loop }) => {
  const sock = new Socket(AF_UNIX);
  await assert.rejects(loop.createUnixConnection(make, "/x", { sock }), {
    name: "RangeError",
    message: "path and sock can not be specified at the same time",
  });
  await assert.rejects(loop.createUnixConnection(make, null), {
    name: "RangeError",
    message: "no path and sock were specified",
  });
});

runs(
  "UNIX-03: TLS options without ssl, or ssl without a name, are RangeErrors",
  async ({ loop }) => {
    await assert.rejects(loop.createUnixConnection(make, "/x", { serverHostname: "" }), {
      name: "RangeError",
      message: "serverHostname is only meaningful with ssl",
    });
    await assert.rejects(loop.createUnixConnection(make, "/x", { sslHandshakeTimeout: 1 }), {
      name: "RangeError",
      message: "sslHandshakeTimeout is only meaningful with ssl",
    });
    await assert.rejects(loop.createUnixConnection(make, "/x", { ssl: true }), {
      name: "RangeError",
      message: "you have to pass serverHostname when using ssl",
    });
  },
);

runs("UNIX-03: nobody at the path is a FileNotFoundError", () =>
  withPath(async (path) => {
    await assert.rejects(openUnixConnection(path), FileNotFoundError);
  }));

runs(
  "SRV-09: a server on a socket that its caller has bound removes the file too",
  ({ loop }) =>
    withPath(async (path) => {
      const { stat } = await import("node:fs/promises");
      const sock = new Socket(AF_UNIX);
      await sock.bind({ path });
      const server = await loop.createUnixServer(make, null, { sock });
      const [transport] = await loop.createUnixConnection(make, path);
      transport.close();
      server.close();
      await server.waitClosed();
      await assert.rejects(stat(path));
    }),
);

runs(
  "SRV-09: { cleanupSocket: false } holds for such a socket too",
  ({ loop }) =>
    withPath(async (path) => {
      const { stat } = await import("node:fs/promises");
      const sock = new Socket(AF_UNIX);
      await sock.bind({ path });
      const server = await loop.createUnixServer(make, null, { sock, cleanupSocket: false });
      server.close();
      await server.waitClosed();
      // Real time: Deno unlinks the path some time after the close.
      await sleep(0.03);
      assert.equal((await stat(path)).isSocket(), true);
    }),
);

runs(
  "SW-02: a unix server's connections end each other as TCP's do",
  () =>
    withPath(async (path) => {
      const server = await startUnixServer(async (reader, writer) => {
        writer.write((await reader.read()).slice().reverse());
        writer.close();
      }, path);
      const [reader, writer] = await openUnixConnection(path);
      writer.write("abc");
      writer.writeEof();
      assert.equal(text(await reader.read()), "cba");
      writer.close();
      await writer.waitClosed();
      server.close();
      await server.waitClosed();
    }),
);
