import test from "node:test";
import assert from "node:assert/strict";
import {
  createSubprocessExec,
  createTask,
  getRunningLoop,
  openConnection,
  PIPE,
  sleep,
  startServer,
  timeout,
  toThread,
} from "../../mod.ts";
import { runTest } from "../../testing/mod.ts";

const now = (): number => getRunningLoop().time();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (data: Uint8Array): string => new TextDecoder().decode(data);

async function withEcho(
  answerAfter: number,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const server = await startServer(
    async (reader, writer) => {
      const line = await reader.readline();
      await sleep(answerAfter);
      writer.write(line);
      writer.close();
      await writer.waitClosed();
    },
    "127.0.0.1",
    0,
  );
  const address = server.sockets[0]!.getsockname() as { port: number };
  await server.with(() => body(address.port));
}

async function ask(port: number): Promise<string> {
  const [reader, writer] = await openConnection("127.0.0.1", port);
  writer.write(bytes("hello\n"));
  const line = await reader.readline();
  writer.close();
  await writer.waitClosed();
  return text(line);
}

test("TEST-20: the clock stands while bytes are on their way through a socket", async () => {
  await runTest(async () => {
    await withEcho(0, async (port) => {
      for (let i = 0; i < 5; i++) {
        assert.equal(await timeout(0.001).with(() => ask(port)), "hello\n");
      }
      assert.equal(now(), 0);
    });
  });
});

test("TEST-20: a server that sleeps an hour answers at once, an hour later", async () => {
  await runTest(async () => {
    await withEcho(3600, async (port) => {
      assert.equal(await timeout(3601).with(() => ask(port)), "hello\n");
      assert.equal(now(), 3600);
    });
  });
});

test("TEST-21: the clock stands while a thread works", async () => {
  await runTest(async () => {
    const spin = (milliseconds: number): string => {
      const end = Date.now() + milliseconds;
      while (Date.now() < end);
      return "done";
    };
    assert.equal(await timeout(0.01).with(() => toThread(spin, 50)), "done");
    assert.equal(now(), 0);
  });
});

test("TEST-22: the clock stands while a child that is soon done runs", async () => {
  await runTest(async () => {
    const work = async (): Promise<number> => {
      const child = await createSubprocessExec("sleep", ["0.2"]);
      return await child.wait();
    };
    assert.equal(await timeout(0.01).with(work), 0);
    assert.equal(now(), 0);
  });
});

test("TEST-23: beside a child that lives on, the clock runs as the wall's does", async () => {
  await runTest(async () => {
    const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
    await sleep(0.05);
    assert.ok(now() >= 0.05 && now() < 0.06);
    const [output] = await child.communicate(bytes("still there"));
    assert.equal(text(output!), "still there");
  });
});

test("TEST-24: with realIo off the clock jumps past a thread's work", async () => {
  await runTest(async () => {
    const job = createTask(() =>
      toThread(() => {
        const end = Date.now() + 50;
        while (Date.now() < end);
      })
    );
    await sleep(3600);
    assert.equal(job.done(), false);
    await job;
  }, { realIo: false });
});

test("TEST-25: connections that are told to close need not be waited for", async () => {
  await runTest(async () => {
    await withEcho(0, async (port) => {
      const [, writer] = await openConnection("127.0.0.1", port);
      writer.write(bytes("hello\n"));
      writer.close();
    });
  });
});
