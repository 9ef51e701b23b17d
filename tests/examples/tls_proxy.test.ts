import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { type NetAddress, openConnection, run, startServer, timeout } from "../../mod.ts";
import type { ClientConnected, StreamReader, StreamWriter } from "../../mod.ts";
import { caCert, serverCert, serverKey } from "../_support/certificates.ts";
import { runProgram } from "../_support/programs.ts";
import type { ProgramResult } from "../_support/programs.ts";
import { type Example, inFolder, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/tls_proxy.ts", import.meta.url);

type Connect = () => Promise<[StreamReader, StreamWriter]>;

/** A proxy before a server of the test's. Ctrl-C ends it. */
function proxying(
  behind: ClientConnected,
  body: (connect: Connect, example: Example, port: number) => Promise<void>,
): Promise<ProgramResult> {
  return inFolder(async (folder) => {
    const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
    await writeFile(cert, serverCert);
    await writeFile(key, serverKey);
    return await run(async () => {
      const server = await startServer(behind, "127.0.0.1", 0);
      const address = `127.0.0.1:${(server.sockets[0]!.getsockname() as NetAddress).port}`;
      const args = ["--port=0", `--cert=${cert}`, `--key=${key}`, address];
      return await server.with(() =>
        withExample(program, args, async (example) => {
          const port = Number((await example.says(/TLS on 127\.0\.0\.1:(\d+)/))[1]);
          const connect: Connect = () =>
            openConnection("127.0.0.1", port, {
              ssl: { caCerts: [caCert] },
              serverHostname: "localhost",
            });
          await timeout(30).with(() => body(connect, example, port));
          if (!example.signalled) example.signal("SIGINT");
        })
      );
    });
  });
}

const shout: ClientConnected = async (reader, writer) => {
  for await (const line of reader) writer.write(new TextDecoder().decode(line).toUpperCase());
  writer.write("bye");
  writer.close();
};

test("EXAMPLE tls proxy: passes both directions on, with the end of what was said", async () => {
  const result = await proxying(shout, async (connect) => {
    const clients = await Promise.all([connect(), connect(), connect()]);
    for (const [i, [reader, writer]] of clients.entries()) {
      writer.write(`hello ${i}\n`);
      assert.equal(new TextDecoder().decode(await reader.readline()), `HELLO ${i}\n`);
    }
    for (const [, writer] of clients) writer.close();
  });
  assert.equal(result.code, 130);
});

test("EXAMPLE tls proxy: a large answer arrives whole", async () => {
  const big = "x".repeat(3_000_000);
  await proxying(async (_reader, writer) => {
    writer.write(big);
    await writer.drain();
    writer.close();
  }, async (connect) => {
    const [reader, writer] = await connect();
    assert.equal((await reader.read()).length, big.length);
    writer.close();
  });
});

test("EXAMPLE tls proxy: peers that vanish or speak no TLS harm nobody", async () => {
  const result = await proxying(shout, async (connect, _example, port) => {
    const [plain, plainWriter] = await openConnection("127.0.0.1", port);
    plainWriter.write("GET / HTTP/1.1\r\n\r\n");
    await plain.read().catch((error) => assert.ok(error instanceof Error));
    plainWriter.close();
    const [, vanishing] = await connect();
    vanishing.transport.abort();
    const [reader, writer] = await connect();
    writer.write("still there?\n");
    assert.equal(new TextDecoder().decode(await reader.readline()), "STILL THERE?\n");
    writer.close();
  });
  assert.equal(result.code, 130);
  assert.doesNotMatch(result.stderr, /^\s+at /m);
});

test("EXAMPLE tls proxy: Ctrl-C closes open connections", async () => {
  const result = await proxying(shout, async (connect, example) => {
    const [reader, writer] = await connect();
    writer.write("a\n");
    await reader.readline();
    example.signal("SIGINT");
    await reader.read().catch((error) => assert.ok(error instanceof Error));
    writer.close();
  });
  assert.equal(result.code, 130);
  assert.match(result.stdout, /closing 1 connections/);
});

test("EXAMPLE tls proxy: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /Which server is behind it\?/],
      [["localhost:80"], /--cert is missing/],
      [["localhost:80", "--cert=/no/such.pem"], /--cert: "\/no\/such\.pem" can't be read/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
