/** Against a real redis-server where one is installed (on the PATH, or named by REDIS_SERVER), and against a small fake anywhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createSubprocessExec,
  FileNotFoundError,
  type NetAddress,
  openConnection,
  OSError,
  run,
  sleep,
  startServer,
  STDOUT,
  terminateProcess,
  timeout,
} from "../../mod.ts";
import { DEVNULL } from "../../mod.ts";
import { runProgram } from "../_support/programs.ts";
import type { ProgramResult } from "../_support/programs.ts";
import { withExample } from "../_support/examples.ts";
import { type Fake, startFakeRedis } from "./_fake_redis.ts";

const program = new URL("../../examples/redis_client.ts", import.meta.url);

function assertRan({ code, stdout, stderr }: ProgramResult): void {
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^ping: PONG\n3000 increments in [\d.]+ s\n/);
  assert.match(stdout, /news: first\nnews: größer\nnews: the end\n/);
  assert.match(stdout, /an error: .*unknown command/);
  assert.match(stderr, /100 % increments/);
}

/** The fake for a body, which learns its address. */
function withFake(body: (address: string, fake: Fake) => Promise<void>): Promise<void> {
  return run(async () => {
    const fake = await startFakeRedis();
    const { port } = fake.server.sockets[0]!.getsockname() as NetAddress;
    await fake.server.with(() => body(`127.0.0.1:${port}`, fake));
  });
}

test("EXAMPLE redis client: pipelines commands and receives messages", async () => {
  await withFake(async (address, fake) => {
    assertRan(await runProgram(program, { args: [address, "--count=3000"] }));
    assert.ok(fake.mostAtOnce > 1, `at most ${fake.mostAtOnce} commands at once`);
  });
});

test("EXAMPLE redis client: a redis-server agrees (the fake, where none is installed)", async () => {
  const drive = async (address: string): Promise<void> => {
    assertRan(await runProgram(program, { args: [address, "--count=3000"] }));
  };
  if (await run(() => withRealRedis(drive))) return;
  console.log("no redis-server is installed: only the fake was asked");
  await withFake(drive);
});

/** False where no redis-server is installed. */
async function withRealRedis(body: (address: string) => Promise<void>): Promise<boolean> {
  const free = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
  const { port } = free.sockets[0]!.getsockname() as NetAddress;
  free.close();
  await free.waitClosed();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  try {
    const redis = await createSubprocessExec(process.env["REDIS_SERVER"] ?? "redis-server", args, {
      stdout: DEVNULL,
      stderr: STDOUT,
    });
    try {
      await timeout(20).with(() => waitForPort(port));
      await body(`127.0.0.1:${port}`);
      return true;
    } finally {
      await terminateProcess(redis);
    }
  } catch (error) {
    if (error instanceof FileNotFoundError) return false;
    throw error;
  }
}

async function waitForPort(port: number): Promise<void> {
  while (true) {
    try {
      const [, writer] = await openConnection("127.0.0.1", port);
      return writer.close();
    } catch (error) {
      if (!(error instanceof OSError)) throw error;
      await sleep(0.02);
    }
  }
}

test("EXAMPLE redis client: a server that vanishes is one clear line", async () => {
  await withFake(async (address, fake) => {
    fake.dropAfter = 500;
    const { code, stderr } = await runProgram(program, { args: [address] });
    assert.equal(code, 1);
    assert.match(stderr, /Redis has (gone|closed the connection)|connection reset/);
    assert.doesNotMatch(stderr, /^\s+at /m);
  });
});

test("EXAMPLE redis client: no server is one clear line", async () => {
  const { code, stderr } = await runProgram(program, { args: ["127.0.0.1:1"] });
  assert.equal(code, 1);
  assert.match(stderr, /127\.0\.0\.1.*1.*refused/);
  assert.doesNotMatch(stderr, /^\s+at /m);
});

test("EXAMPLE redis client: Ctrl-C ends with 130", async () => {
  await withFake(async (address) => {
    const result = await withExample(program, [address, "--count=10000000"], async (example) => {
      await example.warns(/increments/);
      example.signal("SIGINT");
    });
    assert.equal(result.code, 130);
    assert.match(result.stderr, /Interrupted: everything has been cleaned up\.\n$/);
  });
});

test("EXAMPLE redis client: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [["localhost"], /An address is HOST:PORT, not "localhost"/],
      [["localhost:99999"], /The port must be between 1 and 65535, not "99999"/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
