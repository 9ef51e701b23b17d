/** Uses what is loaded at the first call, in a process in which nothing has been. The argument says how. */
import assert from "node:assert/strict";
import {
  CancelledError,
  createSubprocessExec,
  createTask,
  getRunningLoop,
  openConnection,
  PIPE,
  type Protocol,
  run,
  sleep,
  startServer,
  timeout,
} from "../../mod.ts";
import { core } from "../../runtime/core/loop_core.ts";
import { runTest } from "../../testing/mod.ts";

const nothing = (): Protocol => ({ dataReceived() {} });

function left(): [operations: number, resources: number] {
  const { operations, resources } = getRunningLoop()[core];
  return [operations.size, resources.size];
}

async function cancelFirst(first: () => Promise<unknown>): Promise<void> {
  const task = createTask(first);
  await sleep(0);
  assert.deepEqual(left(), [1, 0]);
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  assert.deepEqual(left(), [0, 0]);
}

async function echoOnce(): Promise<string> {
  const server = await startServer(
    async (reader, writer) => {
      writer.write(await reader.readline());
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  return await server.with(async () => {
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    const [reader, writer] = await openConnection("127.0.0.1", port);
    writer.write("hello\n");
    const line = await reader.readline();
    writer.close();
    await writer.waitClosed();
    return new TextDecoder().decode(line);
  });
}

async function greet(): Promise<string> {
  const child = await createSubprocessExec("echo", ["hello"], { stdout: PIPE });
  return new TextDecoder().decode((await child.communicate())[0]!);
}

const ways: Record<string, () => Promise<void>> = {
  "cancelled server": () =>
    run(async () => {
      await cancelFirst(() => startServer(nothing, "127.0.0.1", 0));
      assert.equal(await echoOnce(), "hello\n");
    }),
  "cancelled subprocess": () =>
    run(async () => {
      await cancelFirst(() => createSubprocessExec("sleep", ["61"]));
      assert.equal(await greet(), "hello\n");
    }),
  "aborted connection": () =>
    run(async () => {
      const reason = new Error("not needed any more");
      const signal = AbortSignal.abort(reason);
      await assert.rejects(
        openConnection("127.0.0.1", 1, { signal }),
        (error) => error === reason,
      );
      const stop = new AbortController();
      const task = createTask(() => openConnection("127.0.0.1", 1, { signal: stop.signal }));
      await sleep(0);
      stop.abort(reason);
      await assert.rejects(async () => await task, (error) => error === reason);
      assert.deepEqual(left(), [0, 0]);
    }),
  "virtual time": () =>
    runTest(async () => {
      assert.equal(await timeout(0.001).with(echoOnce), "hello\n");
      assert.equal(await timeout(0.001).with(greet), "hello\n");
      assert.equal(getRunningLoop().time(), 0);
    }),
  "wrong arguments": () =>
    run(async () => {
      const loop = getRunningLoop();
      const wrong = [
        loop.createConnection(nothing, null, null),
        loop.createUnixConnection(nothing, null),
        loop.createServer(nothing, null, null),
        loop.createServer(nothing, null, 0, { sslHandshakeTimeout: 1 }),
        loop.createUnixServer(nothing, null),
        createSubprocessExec("echo", "hello" as never),
      ];
      const told: unknown[] = [];
      for (const promise of wrong) promise.catch((error) => told.push(error));
      // Microtasks only: a load would take longer.
      for (let i = 0; i < 10; i++) await Promise.resolve();
      assert.equal(told.length, wrong.length);
    }),
};

const way = ways[process.argv[2]!]!;
await way();
console.log("done");
