import assert from "node:assert/strict";
import { test } from "node:test";
import { getRunningLoop, type NetAddress, run } from "../../mod.ts";
import type { Address, DatagramTransport } from "../../mod.ts";
import { runProgram } from "../_support/programs.ts";
import { withExample } from "../_support/examples.ts";

const program = new URL("../../examples/udp_time.ts", import.meta.url);

test("EXAMPLE udp time: a client learns the time from a server", async () => {
  const result = await withExample(program, ["serve", "--port=0"], async (example) => {
    const [, address] = await example.says(/on (127\.0\.0\.1:\d+)/);
    const { code, stdout, stderr } = await runProgram(program, { args: ["ask", address!] });
    assert.equal(code, 0, stderr);
    const [, time, ahead] = /^(\S+Z), own clock (-?[\d.]+) ms ahead\n$/.exec(stdout)!;
    assert.ok(Math.abs(Date.parse(time!) - Date.now()) < 30_000);
    assert.ok(Math.abs(Number(ahead)) < 1000);
    assert.match(stderr, /4\/4: [\d.]+ ms/);
    example.signal("SIGINT");
  });
  assert.equal(result.code, 130);
  assert.match(result.stdout, /4 questions answered/);
});

test("EXAMPLE udp time: lost datagrams are asked for again, nonsense is not answered", async () => {
  await run(async () => {
    let asked = 0;
    let transport!: DatagramTransport;
    const [endpoint] = await getRunningLoop().createDatagramEndpoint(
      () => ({
        connectionMade: (made: DatagramTransport) => {
          transport = made;
        },
        datagramReceived(data: Uint8Array, from: Address) {
          const answer = `${new TextDecoder().decode(data)} ${Date.now()}`;
          if (++asked > 2) transport.sendto(answer, from as NetAddress);
        },
      }),
      { localAddr: { hostname: "127.0.0.1", port: 0 } },
    );
    const { port } = endpoint.getExtraInfo("sockname") as NetAddress;
    const args = ["ask", `127.0.0.1:${port}`, "--times=3", "--timeout=0.5"];
    const { code, stderr } = await runProgram(program, { args });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /1\/3: no answer\n2\/3: no answer\n3\/3: [\d.]+ ms/);
    endpoint.close();
  });
  const result = await withExample(program, ["serve", "--port=0"], async (example) => {
    const port = Number((await example.says(/on 127\.0\.0\.1:(\d+)/))[1]);
    await run(async () => {
      const [endpoint] = await getRunningLoop().createDatagramEndpoint(
        () => ({ datagramReceived() {} }),
        { remoteAddr: { hostname: "127.0.0.1", port } },
      );
      for (const nonsense of ["", "hello", "time x y", "t".repeat(9000)]) endpoint.sendto(nonsense);
      endpoint.close();
    });
    const args = ["ask", `127.0.0.1:${port}`, "--times=1"];
    assert.equal((await runProgram(program, { args })).code, 0);
    example.signal("SIGINT");
  });
  assert.match(result.stdout, /\n1 questions answered/);
});

test("EXAMPLE udp time: where nobody answers it says so", async () => {
  const args = ["ask", "127.0.0.1:9", "--times=2", "--timeout=0.1"];
  const { code, stderr } = await runProgram(program, { args });
  assert.equal(code, 1);
  assert.match(stderr, /127\.0\.0\.1:9 did not answer 2 questions/);
  assert.doesNotMatch(stderr, /^\s+at /m);
});

test("EXAMPLE udp time: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /"serve" or "ask" is wanted, not ""/],
      [["ask"], /An address is HOST:PORT, not ""/],
      [["serve", "--port=x"], /The port must be between 0 and 65535, not "x"/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
