// Our streams against programs that others wrote. OpenSSL's are in tls_peers.test.ts.
import assert from "node:assert/strict";
import * as http from "node:http";
import { writeFile } from "node:fs/promises";
import {
  openConnection,
  openUnixConnection,
  type Server,
  startServer,
  startUnixServer,
  type StreamReader,
  type StreamWriter,
  waitFor,
} from "../../../mod.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { BIG, readMessage, request, serveHttp } from "./_http.ts";
import { connectTo, freePort, needs, Peer } from "../../_support/peers.ts";
import { bytes, pattern, portOf, runs, text, withPath } from "../../_support/streams.ts";

/** A folder that is gone afterwards. */
function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  return withPath((path) => body(path.slice(0, path.lastIndexOf("/"))));
}

async function finish(server: Server): Promise<void> {
  server.close();
  await waitFor(server.waitClosed(), 10);
}

// ── curl

const curl = needs("curl");

curl("SW-05: curl gets three pages over one connection", async () => {
  const server = await startServer(serveHttp, "127.0.0.1", 0);
  const url = `http://127.0.0.1:${portOf(server)}`;
  const format = "%{http_code} %{num_connects}\\n";
  const pages = [`${url}/hello`, `${url}/nowhere`, `${url}/hello`];
  const peer = new Peer("curl", ["-sS", "-w", format, ...pages]);
  assert.equal(
    text(await peer.done()),
    "hello\n200 1\nnot here\n404 0\nhello\n200 0\n",
  );
  await finish(server);
});

curl("SW-05: curl gets three megabytes", async () => {
  const server = await startServer(serveHttp, "127.0.0.1", 0);
  const peer = new Peer("curl", ["-sS", `http://127.0.0.1:${portOf(server)}/big`]);
  assert.ok(equal(await peer.done(), BIG));
  await finish(server);
});

for (
  const [how, args] of [["whole", []], ["in chunks", ["-H", "Transfer-Encoding: chunked"]]] as const
) {
  curl(`SR-21: what curl posts ${how} comes back byte for byte`, async () => {
    await withFolder(async (folder) => {
      await writeFile(`${folder}/body`, BIG);
      const server = await startServer(serveHttp, "127.0.0.1", 0);
      const url = `http://127.0.0.1:${portOf(server)}/echo`;
      const peer = new Peer("curl", ["-sS", ...args, "--data-binary", `@${folder}/body`, url]);
      assert.ok(equal(await peer.done(), BIG));
      await finish(server);
    });
  });
}

curl("SW-02: curl over a unix socket", async () => {
  await withPath(async (path) => {
    const server = await startUnixServer(serveHttp, path);
    const peer = new Peer("curl", ["-sS", "--unix-socket", path, "http://localhost/hello"]);
    assert.equal(text(await peer.done()), "hello\n");
    await finish(server);
  });
});

curl("SW-03: curl trusts our certificate and gets three megabytes over TLS", async () => {
  await withFolder(async (folder) => {
    await writeFile(`${folder}/ca.pem`, caCert);
    const ssl = { cert: serverCert, key: serverKey };
    const server = await startServer(serveHttp, "127.0.0.1", 0, { ssl, sslShutdownTimeout: 5 });
    const port = portOf(server);
    const peer = new Peer("curl", [
      ...["-sS", "--cacert", `${folder}/ca.pem`, "--connect-to", `::127.0.0.1:${port}`],
      `https://localhost:${port}/big`,
    ]);
    assert.ok(equal(await peer.done(), BIG));
    await finish(server);
  });
});

// ── nc

const nc = needs("nc");

nc("TR-22: nc ends its direction and still gets the whole answer", async () => {
  const server = await startServer(
    async (reader, writer) => {
      const question = await reader.read();
      writer.write(question.map((byte) => byte ^ 1));
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const question = pattern(500_000);
  const peer = new Peer("nc", ["-N", "127.0.0.1", String(portOf(server))]);
  peer.end(question);
  assert.ok(equal(await peer.done(), question.map((byte) => byte ^ 1)));
  await finish(server);
});

nc("SW-01: a client of ours talks with nc", async () => {
  const port = await freePort();
  const peer = new Peer("nc", ["-l", "-N", "127.0.0.1", String(port)]);
  const [reader, writer] = await connectTo(peer, port);
  peer.end("from nc\n");
  assert.equal(text(await reader.read()), "from nc\n");
  writer.write("from us\n");
  writer.close();
  await writer.waitClosed();
  assert.equal(text(await peer.done()), "from us\n");
});

// ── node:http

runs("SW-05: node:http's client, twenty requests over one kept connection", async () => {
  const server = await startServer(serveHttp, "127.0.0.1", 0);
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set<unknown>();
  for (let i = 0; i < 20; i++) {
    const body = pattern(1 + i * 5000);
    const answer = await new Promise<Uint8Array>((resolve, reject) => {
      const outgoing = http.request({
        ...{ agent, method: "POST", host: "127.0.0.1", port: portOf(server), path: "/echo" },
        headers: { "content-length": body.length },
      }, (incoming) => {
        sockets.add(incoming.socket.localPort);
        const chunks: Uint8Array[] = [];
        incoming.on("data", (chunk: Uint8Array) => chunks.push(chunk));
        incoming.on("end", () => resolve(join(chunks)));
        incoming.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
    assert.ok(equal(answer, body), `request ${i}`);
  }
  assert.equal(sockets.size, 1);
  agent.destroy();
  await finish(server);
});

runs("SW-01: a client of ours pipelines requests to node:http's server", async () => {
  const server = http.createServer(async (incoming, outgoing) => {
    for await (const chunk of incoming) outgoing.write(chunk);
    outgoing.end(incoming.url);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const [reader, writer] = await openConnection(
    "127.0.0.1",
    (server.address() as { port: number }).port,
  );
  for (let i = 0; i < 10; i++) request(writer, `/${i}`, { method: "POST", body: bytes("body ") });
  await writer.drain();
  for (let i = 0; i < 10; i++) assert.equal(text((await readMessage(reader))!.body), `body /${i}`);
  writer.close();
  await writer.waitClosed();
  await new Promise<void>((resolve) => server.close(() => resolve()));
});

// ── Redis

const redis = needs("redis-server");

interface Redis {
  readonly reader: StreamReader;
  readonly writer: StreamWriter;
}

async function withRedis(
  body: (open: (how: "tcp" | "unix") => Promise<Redis>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const port = await freePort();
    const path = `${folder}/redis`;
    const peer = new Peer("redis-server", [
      ...["--bind", "127.0.0.1", "--port", String(port), "--unixsocket", path],
      ...["--dir", folder, "--save", "", "--appendonly", "no"],
    ]);
    try {
      await body(async (how) => {
        const [reader, writer] = how === "tcp"
          ? await connectTo(peer, port)
          : await peer.connect(() => openUnixConnection(path));
        return { reader, writer };
      });
    } finally {
      await peer.stop();
    }
  });
}

function command({ writer }: Redis, ...parts: (string | Uint8Array)[]): void {
  writer.write(`*${parts.length}\r\n`);
  for (const part of parts) {
    const data = typeof part === "string" ? bytes(part) : part;
    writer.writelines([`$${data.length}\r\n`, data, "\r\n"]);
  }
}

/** A reply: its line, or the bytes of a bulk string; null for none. */
async function reply({ reader }: Redis): Promise<string | Uint8Array | null> {
  const line = text(await reader.readuntil("\r\n")).slice(0, -2);
  if (!line.startsWith("$")) return line;
  const length = Number(line.slice(1));
  if (length < 0) return null;
  const data = await reader.readexactly(length + 2);
  return data.subarray(0, length);
}

redis("SR-14: two thousand commands to Redis on one connection, sent without waiting", async () => {
  await withRedis(async (open) => {
    const connection = await open("tcp");
    for (let i = 1; i <= 2000; i++) {
      command(connection, "INCRBY", "sum", String(i));
      await connection.writer.drain();
    }
    let sum = 0;
    for (let i = 1; i <= 2000; i++) {
      sum += i;
      assert.equal(await reply(connection), `:${sum}`);
    }
    connection.writer.close();
    await connection.writer.waitClosed();
  });
});

for (const [how, id] of [["tcp", "SW-01"], ["unix", "SW-02"]] as const) {
  redis(`${id}: Redis keeps a big binary value for us (${how})`, async () => {
    await withRedis(async (open) => {
      const connection = await open(how);
      command(connection, "SET", "big", BIG);
      assert.equal(await reply(connection), "+OK");
      command(connection, "GET", "big");
      assert.ok(equal(await reply(connection) as Uint8Array, BIG));
      command(connection, "GET", "nothing");
      assert.equal(await reply(connection), null);
      command(connection, "QUIT");
      assert.equal(await reply(connection), "+OK");
      assert.equal((await connection.reader.read()).length, 0);
      connection.writer.close();
      await connection.writer.waitClosed();
    });
  });
}

redis("SR-05: a subscriber sees the end of its stream when Redis goes", async () => {
  await withRedis(async (open) => {
    const connection = await open("tcp");
    command(connection, "SUBSCRIBE", "news");
    assert.equal(await reply(connection), "*3");
    assert.equal(text(await reply(connection) as Uint8Array), "subscribe");
    assert.equal(text(await reply(connection) as Uint8Array), "news");
    assert.equal(await reply(connection), ":1");
    const other = await open("tcp");
    command(other, "SHUTDOWN", "NOSAVE");
    assert.equal((await waitFor(connection.reader.read(), 10)).length, 0);
    for (const { writer } of [connection, other]) {
      writer.close();
      await writer.waitClosed();
    }
  });
});

// ── nginx

const nginx = needs("nginx");

async function withNginx(
  location: string,
  body: (open: () => Promise<[StreamReader, StreamWriter]>) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const port = await freePort();
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map((name) => `${name}_temp_path ${folder}/${name};`);
    await writeFile(`${folder}/big`, BIG);
    await writeFile(
      `${folder}/nginx.conf`,
      `daemon off;
      master_process off;
      pid ${folder}/pid;
      error_log stderr;
      events {}
      http {
        access_log off;
        default_type application/octet-stream;
        ${temporary.join("\n")}
        client_max_body_size 10m;
        server { listen 127.0.0.1:${port}; root ${folder}; ${location} }
      }`,
    );
    const peer = new Peer("nginx", ["-c", `${folder}/nginx.conf`, "-e", "stderr"]);
    try {
      await body(() => connectTo(peer, port));
    } finally {
      await peer.stop();
    }
  });
}

nginx(
  "SR-21: nginx's answers on one connection, to GET, HEAD and a page that is not there",
  async () => {
    await withNginx("", async (open) => {
      const [reader, writer] = await open();
      request(writer, "/big");
      assert.ok(equal((await readMessage(reader))!.body, BIG));
      request(writer, "/big", { method: "HEAD" });
      const { headers } = (await readMessage(reader, { bodiless: true }))!;
      assert.equal(headers.get("content-length"), String(BIG.length));
      request(writer, "/nowhere");
      assert.equal((await readMessage(reader))!.first, "HTTP/1.1 404 Not Found");
      writer.close();
      await writer.waitClosed();
    });
  },
);

nginx("SW-05: through nginx as a proxy to a server of ours, both ways", async () => {
  const server = await startServer(serveHttp, "127.0.0.1", 0);
  const upstream = `location / {
    proxy_pass http://127.0.0.1:${portOf(server)};
    proxy_http_version 1.1;
    proxy_request_buffering off;
  }`;
  await withNginx(upstream, async (open) => {
    const [reader, writer] = await open();
    request(writer, "/hello");
    assert.equal(text((await readMessage(reader))!.body), "hello\n");
    request(writer, "/echo", { method: "POST", body: BIG });
    assert.ok(equal((await readMessage(reader))!.body, BIG));
    request(writer, "/big");
    assert.ok(equal((await readMessage(reader))!.body, BIG));
    writer.close();
    await writer.waitClosed();
  });
  await finish(server);
});

/** Quicker than `deepEqual` on megabytes, and quieter. */
function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    result.set(chunk, at);
    at += chunk.length;
  }
  return result;
}
