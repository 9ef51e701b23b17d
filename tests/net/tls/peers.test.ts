import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { test } from "node:test";
import {
  openConnection,
  type Server,
  startServer,
  type StreamReader,
  type StreamWriter,
  type TlsOptions,
  waitFor,
} from "../../../mod.ts";
import {
  caCert,
  clientCert,
  clientKey,
  serverCert,
  serverKey,
} from "../../_support/certificates.ts";
import { pattern, portOf, runs, text, until, withPath } from "../../_support/streams.ts";

/** OpenSSL's own client and server, where they are installed. */
const peers = spawnSync("openssl", ["version"]).status === 0
  ? runs
  : (name: string, _body: unknown) => test(name, { skip: "openssl is not installed" });

/** Runs `body` with the certificates as files beside each other. */
async function withFiles(body: (folder: string) => Promise<void>): Promise<void> {
  const { writeFile } = await import("node:fs/promises");
  await withPath(async (path) => {
    const folder = path.slice(0, path.lastIndexOf("/"));
    await writeFile(`${folder}/ca.pem`, caCert);
    await writeFile(`${folder}/server.pem`, serverCert + serverKey);
    await writeFile(`${folder}/client.pem`, clientCert + clientKey);
    await body(folder);
  });
}

interface Said {
  out: string;
  errors: string;
  code: number | null | undefined;
}

function listenTo(child: ChildProcess): Said {
  const said: Said = { out: "", errors: "", code: undefined };
  child.stdout!.on("data", (chunk: Uint8Array) => said.out += text(chunk));
  child.stderr!.on("data", (chunk: Uint8Array) => said.errors += text(chunk));
  child.once("close", (code) => said.code = code);
  return said;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

peers("TLS-01: openssl s_client trusts a server of ours, and they talk", async () => {
  await withFiles(async (folder) => {
    const all = pattern(300_000).map((byte) => 65 + byte % 26);
    const server = await startServer(
      async (reader, writer) => {
        assert.equal(text(await reader.readline()), "hello\n");
        writer.write(all);
        writer.close();
        await writer.waitClosed();
      },
      "127.0.0.1",
      0,
      { ssl: { cert: serverCert, key: serverKey }, sslShutdownTimeout: 5 },
    );
    const child = spawn("openssl", [
      ...["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"],
      ...["-CAfile", `${folder}/ca.pem`, "-connect", `127.0.0.1:${portOf(server)}`],
    ]);
    const said = listenTo(child);
    child.stdin.write("hello\n");
    await until(() => said.code !== undefined);
    assert.equal(said.out, text(all), said.errors);
    server.close();
    await waitFor(server.waitClosed(), 10);
  });
});

peers("TLS-01: a client of ours trusts openssl s_server, by mutual TLS", async () => {
  await withFiles(async (folder) => {
    const port = await freePort();
    const child = spawn("openssl", [
      ...["s_server", "-quiet", "-accept", `127.0.0.1:${port}`, "-cert", `${folder}/server.pem`],
      ...["-CAfile", `${folder}/ca.pem`, "-Verify", "1", "-verify_return_error", "-naccept", "2"],
    ]);
    const said = listenTo(child);
    const ssl = { caCerts: [caCert], cert: clientCert, key: clientKey };
    // It tells nobody when it listens.
    let streams: Awaited<ReturnType<typeof openConnection>> | null = null;
    for (let tries = 0; streams === null; tries++) {
      streams = await openConnection("127.0.0.1", port, { ssl }).catch((error) => {
        if (tries === 500) throw error;
        return null;
      });
    }
    const [reader, writer] = streams;
    writer.write("from us\n");
    await until(() => said.out.includes("from us\n"));
    child.stdin.write("from openssl\n");
    assert.equal(text(await reader.readline()), "from openssl\n");
    writer.close();
    await writer.waitClosed();
    child.kill();
    await until(() => said.code !== undefined);
  });
});

/** What became of one connection of `openssl s_client`. */
interface Talk {
  /** The name in the client's certificate as the server saw it; null when it let nobody in. */
  readonly known: string | null;
  readonly resumed: boolean;
}

/**
 * Servers that tell each client whom they take it for, and clients with or without a ticket from
 * before.
 */
async function withTickets(
  version: string,
  body: (talk: (ssl: TlsOptions, ...args: string[]) => Promise<Talk>) => Promise<void>,
): Promise<void> {
  await withFiles(async (folder) => {
    const servers = new Map<TlsOptions, Server>();
    const greet = async (reader: StreamReader, writer: StreamWriter): Promise<void> => {
      const certificate = writer.getExtraInfo("peercert") as { subject: { CN: string } } | null;
      writer.write(`known as <${certificate?.subject.CN ?? "nobody"}>\n`);
      await reader.read();
      writer.close();
    };
    await body(async (ssl, ...args) => {
      const server = servers.get(ssl) ?? await startServer(greet, "127.0.0.1", 0, { ssl });
      servers.set(ssl, server);
      const child = spawn("openssl", [
        ...["s_client", version, "-CAfile", "ca.pem", "-connect", `127.0.0.1:${portOf(server)}`],
        ...args,
      ], { cwd: folder });
      // One that was refused has left before it is told to.
      child.stdin.on("error", () => {});
      const said = listenTo(child);
      await until(() => /known as/.test(said.out) || said.code !== undefined);
      child.stdin.end("Q\n");
      await until(() => said.code !== undefined);
      return {
        known: /known as <(.*)>/.exec(said.out)?.[1] ?? null,
        resumed: /^Reused, /m.test(said.out),
      };
    });
    for (const server of servers.values()) {
      server.close();
      await waitFor(server.waitClosed(), 10);
    }
  });
}

const mutual = { cert: serverCert, key: serverKey, caCerts: [caCert], verifyPeer: true };
/** Bun's servers over other streams make a fresh handshake each time. */
const resumes = !("Bun" in globalThis);

for (const version of ["-tls1_2", "-tls1_3"]) {
  peers(`CSRV-13: a resumed session still has the client's certificate, ${version}`, async () => {
    await withTickets(version, async (talk) => {
      const ssl = { ...mutual };
      const cert = ["-cert", "client.pem"];
      const first = await talk(ssl, ...cert, "-sess_out", "ticket.pem");
      assert.deepEqual(first, { known: "client.test", resumed: false });
      const second = await talk(ssl, ...cert, "-sess_in", "ticket.pem");
      assert.deepEqual(second, { known: "client.test", resumed: resumes });
    });
  });

  peers(
    `CSRV-13: a ticket that was had without a certificate replaces none, ${version}`,
    async () => {
      await withTickets(version, async (talk) => {
        const ssl = { ...mutual, verifyPeer: false };
        assert.equal((await talk(ssl, "-sess_out", "ticket.pem")).known, "nobody");
        assert.equal((await talk(ssl, "-sess_in", "ticket.pem")).resumed, resumes);
        assert.equal((await talk({ ...mutual }, "-sess_in", "ticket.pem")).known, null);
        ssl.verifyPeer = true;
        assert.equal((await talk(ssl, "-sess_in", "ticket.pem")).known, null);
        assert.equal((await talk(ssl, "-cert", "client.pem")).known, "client.test");
      });
    },
  );

  peers(`CSRV-13: a ticket ends with the trust in its authority, ${version}`, async () => {
    await withTickets(version, async (talk) => {
      const ssl = { ...mutual };
      const cert = ["-cert", "client.pem"];
      assert.equal((await talk(ssl, ...cert, "-sess_out", "ticket.pem")).known, "client.test");
      ssl.caCerts = [serverCert];
      assert.equal((await talk(ssl, ...cert, "-sess_in", "ticket.pem")).known, null);
      assert.equal((await talk(ssl, "-sess_in", "ticket.pem")).known, null);
      // Nor does a server that trusts another authority take it.
      const other = { ...mutual, caCerts: [serverCert] };
      assert.equal((await talk(other, ...cert, "-sess_in", "ticket.pem")).known, null);
    });
  });
}
