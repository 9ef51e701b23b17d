import assert from "node:assert/strict";
import { test } from "node:test";
import { type NetAddress, run, startServer } from "../../mod.ts";
import { runProgram } from "../_support/programs.ts";
import { withExample } from "../_support/examples.ts";

const program = new URL("../../examples/port_scanner.ts", import.meta.url);

test("EXAMPLE port scanner: finds what is open, and shows how far it is", async () => {
  await run(async () => {
    const server = await startServer((_, writer) => writer.close(), "127.0.0.1", 0);
    await server.with(async () => {
      const { port } = server.sockets[0]!.getsockname() as NetAddress;
      const [first, last] = [Math.max(1, port - 50), Math.min(65535, port + 50)];
      const args = ["127.0.0.1", `${first}-${last}`, "--at-once=8"];
      const { code, stdout, stderr } = await runProgram(program, { args });
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^127\\.0\\.0\\.1:${port} is open$`, "m"));
      assert.match(stdout, new RegExp(` of ${last - first + 1} ports are open`));
      assert.match(stderr, /0 %[\s\S]* 100 %|0 %[\s\S]*\n100 %/);
    });
  });
});

test("EXAMPLE port scanner: Ctrl-C stops all attempts and ends with 130", async () => {
  const args = ["127.0.0.1", "1-65535", "--at-once=1"];
  const { code, stderr } = await withExample(program, args, async (example) => {
    await example.warns(/0 %/); // it is at work, with most of the ports before it
    example.signal("SIGINT");
  });
  assert.equal(code, 130);
  assert.match(stderr, /Interrupted: everything has been cleaned up\./);
});

test("EXAMPLE port scanner: a host that can't be found is one clear line", async () => {
  const { code, stderr } = await runProgram(program, { args: ["no-such-host.invalid"] });
  assert.equal(code, 1);
  assert.match(stderr, /no-such-host\.invalid/);
  assert.equal(stderr.trim().split("\n").length, 1);
});

test("EXAMPLE port scanner: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /Which host\?/],
      [["localhost", "9-1"], /9-1 is no range of ports/],
      [["localhost", "0-70000"], /A port must be between 1 and 65535, not "0"/],
      [["localhost", "--fast"], /There is no option --fast/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
    assert.match(stderr, /Usage: port_scanner/);
  }
});
