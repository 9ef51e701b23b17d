import assert from "node:assert/strict";
import { test } from "node:test";
import { asClients, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/draining.ts", import.meta.url);

test("EXAMPLE draining: an HTTP server answers what it has taken, then ends", async () => {
  const { code, stdout } = await withExample(program, ["http"], async (example) => {
    const [, port] = await example.says(/port (\d+)/);
    const quick = await fetch(`http://127.0.0.1:${port}/0`);
    assert.equal(await quick.text(), "waited 0 s\n");
    const slow = fetch(`http://127.0.0.1:${port}/0.5`).then((response) => response.text());
    await new Promise((resolve) => setTimeout(resolve, 150));
    example.signal("SIGTERM");
    assert.equal(await slow, "waited 0.5 s\n");
  });
  assert.equal(code, 0);
  assert.match(stdout, /draining\ndrained\n$/);
});

test("EXAMPLE draining: a stream server serves its clients to their end", async () => {
  const { code, stdout } = await withExample(program, ["stream"], async (example) => {
    const [, port] = await example.says(/port (\d+)/);
    await asClients(Number(port), 1, async ([client]) => {
      client!.send("before");
      await client!.hears("before");
      example.signal("SIGTERM");
      await example.says(/draining/);
      client!.send("after");
      await client!.hears("after");
    });
  });
  assert.equal(code, 0);
  assert.match(stdout, /draining\ndrained\n$/);
});

test("EXAMPLE draining: a worker finishes the jobs it has begun", async () => {
  const { code, stdout } = await withExample(program, ["worker"], async (example) => {
    await example.says(/at work/);
    example.signal("SIGTERM");
  });
  assert.equal(code, 0);
  assert.match(stdout, /draining\nevery job that was begun is done\ndrained\n$/);
});

test("EXAMPLE draining: a second signal cancels at once", async () => {
  const { code, stderr } = await withExample(program, ["stream"], async (example) => {
    const [, port] = await example.says(/port (\d+)/);
    await asClients(Number(port), 1, async ([client]) => {
      client!.send("before");
      await client!.hears("before");
      example.signal("SIGTERM");
      await example.says(/draining/);
      example.signal("SIGTERM");
      await example.ended;
    });
  });
  assert.equal(code, 130);
  assert.match(stderr, /Cancelled by SIGTERM/);
});
