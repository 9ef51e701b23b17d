/** Calls of the net and of children whose promise is handed to something that can be cancelled. */
import assert from "node:assert/strict";
import {
  createSubprocessExec,
  ensureFuture,
  Event,
  openConnection,
  PIPE,
  startServer,
  timeout,
  TimeoutError,
  waitFor,
} from "../../mod.ts";
import { assertCancelled, runsInRealTime } from "../_support/tasks.ts";

for (
  const [name, take] of Object.entries<(promise: Promise<unknown>) => Promise<void>>({
    async waitFor(promise) {
      await assert.rejects(waitFor(promise, 0.2), TimeoutError);
    },
    async ensureFuture(promise) {
      const future = ensureFuture(promise);
      await assert.rejects(waitFor(() => future, 0.2), TimeoutError);
      await assertCancelled(future);
    },
  })
) {
  runsInRealTime(
    `TAKEN-20: openConnection() that is called off leaves nothing open: ${name}`,
    async () => {
      const closed = new Event();
      // It takes the connection and never answers the client's hello.
      const server = await startServer(
        async (reader, writer) => {
          await reader.read().catch(() => {});
          closed.set();
          writer.close();
        },
        "127.0.0.1",
        0,
      );
      const { port } = server.sockets[0]!.getsockname() as { port: number };
      await take(openConnection("127.0.0.1", port, { ssl: {}, serverHostname: "localhost" }));
      await timeout(10).with(() => closed.wait());
      server.close();
      await server.waitClosed();
    },
  );

  runsInRealTime(
    `TAKEN-21: a child's wait() and communicate() are called off: ${name}`,
    async () => {
      const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
      await take(child.stdout!.readline());
      await take(child.wait());
      child.stdin!.write("line\n");
      assert.equal(new TextDecoder().decode(await child.stdout!.readline()), "line\n");
      const silent = await createSubprocessExec("sleep", ["60"], { stdout: PIPE });
      await take(silent.communicate());
      // Nobody reads any more, so that somebody else may.
      const reading = silent.stdout!.read();
      silent.kill();
      assert.equal((await reading).length, 0);
      await silent.wait();
      child.kill();
      await child.wait();
    },
  );
}
