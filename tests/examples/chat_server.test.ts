import assert from "node:assert/strict";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";
import { asClients, type LineClient, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/chat_server.ts", import.meta.url);

/** A server with members in its lobby, and `strangers` who have not told their names; Ctrl-C ends it. */
async function chat(
  names: string[],
  strangers: number,
  body: (clients: LineClient[]) => Promise<void>,
): Promise<void> {
  const { code } = await withExample(program, ["--port=0"], async (example) => {
    const port = Number((await example.says(/listening on 127\.0\.0\.1:(\d+)/))[1]);
    await asClients(port, names.length + strangers, async (clients) => {
      for (const [i, name] of names.entries()) {
        clients[i]!.send(name);
        await clients[i]!.hears(`${name} has come`);
      }
      await body(clients);
    });
    example.signal("SIGINT");
  });
  assert.equal(code, 130);
}

test("EXAMPLE chat server: those in a room hear each other, and nobody else does", async () => {
  await chat(["ann", "bob", "cyd"], 0, async ([ann, bob, cyd]) => {
    bob!.send("/join garden");
    assert.equal(await ann!.hears("leaves"), "* bob leaves for garden");
    cyd!.send("/join garden");
    await bob!.hears("cyd has come");
    cyd!.send("psst");
    assert.equal(await bob!.hears("psst"), "cyd: psst");
    ann!.send("anybody?");
    // Between joining and its own words ann heard nothing of the garden.
    assert.equal(await ann!.hears("a"), "* cyd leaves for garden");
    assert.equal(await ann!.hears("a"), "ann: anybody?");
    cyd!.send("/who");
    assert.equal(await cyd!.hears(","), "bob, cyd");
  });
});

test("EXAMPLE chat server: who quits or vanishes is missed, and the others chat on", async () => {
  await chat(["ann", "bob", "cyd"], 0, async ([ann, bob, cyd]) => {
    bob!.send("/quit");
    await bob!.hears("Goodbye!");
    assert.equal(await ann!.hears("left"), "* bob has left");
    cyd!.writer.transport.abort();
    assert.equal(await ann!.hears("left"), "* cyd has left");
    ann!.send("still here");
    assert.equal(await ann!.hears("still"), "ann: still here");
  });
});

test("EXAMPLE chat server: a member that does not read is let go", async () => {
  await chat(["ann", "bob"], 0, async ([ann]) => {
    const line = "x".repeat(4000);
    let heard = "";
    let lines = 0;
    for (; lines < 20_000 && !heard.includes("bob has left"); lines++) {
      ann!.send(line);
      heard = await ann!.hears("");
    }
    assert.ok(heard.includes("bob has left"), `not after ${lines} lines`);
  });
});

test("EXAMPLE chat server: a name is taken once, an endless line ends its connection only", async () => {
  await chat(["ann"], 2, async ([ann, second, endless]) => {
    second!.send("ann");
    assert.equal(await second!.hears("ann"), "ann is here already.");
    endless!.writer.write("y".repeat(20_000));
    // It ends, be it in order or, as more of the line arrives, by a reset.
    await endless!.hears("never said").catch((error) => assert.ok(error instanceof Error));
    ann!.send("fine");
    assert.equal(await ann!.hears("fine"), "ann: fine");
  });
});

test("EXAMPLE chat server: Ctrl-C says goodbye and ends with 130", async () => {
  const result = await withExample(program, ["--port=0"], async (example) => {
    const port = Number((await example.says(/listening on 127\.0\.0\.1:(\d+)/))[1]);
    await asClients(port, 1, async ([ann]) => {
      ann!.send("ann");
      await ann!.hears("ann has come");
      example.signal("SIGINT");
      assert.match(await ann!.hears("closes"), /The server closes/);
      assert.equal((await ann!.reader.read()).length, 0);
    });
  });
  assert.equal(result.code, 130);
  assert.equal(result.stderr, "\nInterrupted: everything has been cleaned up.\n");
});

test("EXAMPLE chat server: bad arguments are named", async () => {
  const { code, stderr } = await runProgram(program, { args: ["--port=many"] });
  assert.equal(code, 2);
  assert.match(stderr, /The port must be between 0 and 65535, not "many"\.\n\nUsage: chat_server/);
});
