import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gather, openConnection, run, sleep, timeout } from "../../mod.ts";
import type { StreamReader } from "../../mod.ts";
import { runProgram } from "../_support/programs.ts";
import type { ProgramResult } from "../_support/programs.ts";
import { type Example, inFolder, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/http_file_server.ts", import.meta.url);
const big = "0123456789".repeat(300_000);

/** A server of a folder with a few files. The body ends it, or SIGTERM does. */
function serving(
  body: (url: string, port: number, example: Example) => Promise<void>,
): Promise<ProgramResult> {
  return inFolder(async (folder) => {
    const root = join(folder, "root");
    await mkdir(join(root, "sub"), { recursive: true });
    await writeFile(join(folder, "secret.txt"), "secret");
    await writeFile(join(root, "hello.txt"), "hello");
    await writeFile(join(root, "big.bin"), big);
    await writeFile(join(root, "with space.json"), "{}");
    await writeFile(join(root, "sub", "index.html"), "<p>index</p>");
    await symlink(join(folder, "secret.txt"), join(root, "link.txt"));
    return await withExample(program, [root, "--port=0"], async (example) => {
      const [, url, port] = await example.says(/on (http:\/\/127\.0\.0\.1:(\d+)\/)/);
      await run(() => timeout(40).with(() => body(url!, Number(port), example)));
      if (!example.signalled) example.signal("SIGTERM");
    });
  });
}

/** One answer from a connection: status, headers, body. */
async function answerOf(reader: StreamReader): Promise<{ head: string; body: string }> {
  const head = new TextDecoder().decode(await reader.readuntil("\r\n\r\n"));
  const length = Number(/content-length: (\d+)/i.exec(head)![1]);
  return { head, body: new TextDecoder().decode(await reader.readexactly(length)) };
}

test("EXAMPLE http file server: gives files, with their types, and refuses the rest", async () => {
  await serving(async (url) => {
    const got = async (path: string, init?: RequestInit): Promise<unknown[]> => {
      const response = await fetch(url + path, init);
      const body = await response.text();
      return [response.status, response.headers.get("content-type")?.split(";")[0], body];
    };
    assert.deepEqual(await got("hello.txt"), [200, "text/plain", "hello"]);
    assert.deepEqual(await got("with%20space.json"), [200, "application/json", "{}"]);
    assert.deepEqual(await got("sub/"), [200, "text/html", "<p>index</p>"]);
    assert.deepEqual(await got("hello.txt", { method: "HEAD" }), [200, "text/plain", ""]);
    assert.equal((await got("big.bin"))[2], big);
    for (const path of ["no.txt", "", "%ff"]) {
      assert.equal((await got(path))[0], 404, path);
    }
    for (const path of ["link.txt", "..%2fsecret.txt"]) {
      assert.equal((await got(path))[0], 403, path);
    }
    assert.equal((await got("hello.txt", { method: "POST", body: "x" }))[0], 405);
  });
});

test("EXAMPLE http file server: curl gets files over one connection (fetch, where there is no curl)", async () => {
  await serving(async (url) => {
    const args = ["-sS", "--max-time", "20", "-w", "%{num_connects}", url + "hello.txt"];
    const curl = spawnCurl([...args, url + "sub/index.html"]);
    // Without curl, fetch has the same to say about the bodies.
    const bodies = await Promise.all(
      ["hello.txt", "sub/index.html"].map(async (path) => await (await fetch(url + path)).text()),
    );
    assert.deepEqual(bodies, ["hello", "<p>index</p>"]);
    if (curl === null) console.log("curl is not installed: only fetch has asked");
    else assert.equal(curl, "hello1<p>index</p>0");
  });
});

/** What curl prints; null where there is none. It must not need this process's loop meanwhile: the server is a child. */
function spawnCurl(args: string[]): string | null {
  const { error, stdout } = spawnSync("curl", args, { encoding: "utf8" });
  return error === undefined ? stdout : null;
}

test("EXAMPLE http file server: thirty clients with twenty requests each get every answer", async () => {
  const result = await serving(async (_url, port) => {
    const counts = await gather(Array.from({ length: 30 }, () => async () => {
      const [reader, writer] = await openConnection("127.0.0.1", port);
      let right = 0;
      for (let i = 0; i < 20; i++) {
        writer.write("GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n");
        if ((await answerOf(reader)).body === "hello") right++;
      }
      writer.close();
      await writer.waitClosed();
      return right;
    }));
    assert.equal(counts.reduce((a, b) => a + b), 600);
  });
  assert.equal(result.code, 0);
  assert.match(result.stdout, /stopped after 600 answers/);
});

test("EXAMPLE http file server: SIGTERM lets an answer end, and closes idle connections at once", async () => {
  const result = await serving(async (_url, port, example) => {
    const [reader, writer] = await openConnection("127.0.0.1", port);
    const [idleReader, idleWriter] = await openConnection("127.0.0.1", port);
    idleWriter.write("GET /hello.txt HTTP/1.1\r\nHost: x\r\n\r\n");
    await answerOf(idleReader);
    writer.write("GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    const head = await reader.readuntil("\r\n\r\n"); // the answer has begun
    example.signal("SIGTERM");
    assert.equal((await idleReader.read()).length, 0);
    assert.ok(head.length > 0);
    assert.equal((await reader.readexactly(big.length)).length, big.length);
    writer.close();
    idleWriter.close();
    await assert.rejects(openConnection("127.0.0.1", port), { code: "ECONNREFUSED" });
  });
  assert.equal(result.code, 0);
  assert.match(result.stdout, /stopped after 2 answers/);
});

test("EXAMPLE http file server: clients that vanish or talk nonsense harm nobody", async () => {
  const result = await serving(async (url, port) => {
    for (const nonsense of ["hello\r\n\r\n", "GET / HTTP/9.9\r\n\r\n"]) {
      const [reader, writer] = await openConnection("127.0.0.1", port);
      writer.write(nonsense);
      assert.match((await answerOf(reader)).head, /^HTTP\/1\.1 400 /);
      writer.close();
    }
    const [endless, endlessWriter] = await openConnection("127.0.0.1", port);
    endlessWriter.write(`GET / HTTP/1.1\r\n${"X: y\r\n".repeat(20_000)}`);
    assert.match(String(await endless.readline().then(decode, String)), /431|ECONNRESET|EPIPE/);
    endlessWriter.close();
    const [, vanishing] = await openConnection("127.0.0.1", port);
    vanishing.write("GET /big.bin HTTP/1.1\r\nHost: x\r\n\r\n");
    await sleep(0.05);
    vanishing.transport.abort();
    assert.equal(await (await fetch(`${url}hello.txt`)).text(), "hello");
  });
  assert.equal(result.code, 0);
  assert.equal(result.stderr, "");
});

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

test("EXAMPLE http file server: Ctrl-C ends with 130", async () => {
  const result = await withExample(program, [".", "--port=0"], async (example) => {
    await example.says(/serving/);
    example.signal("SIGINT");
  });
  assert.equal(result.code, 130);
  assert.match(result.stdout, /stopped after 0 answers/);
});

test("EXAMPLE http file server: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /Which folder\?/],
      [["/no/such/folder"], /There is no folder "\/no\/such\/folder"/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
