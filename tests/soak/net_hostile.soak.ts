// What takes too long for every run: peers that mean no good, by the thousand. Memory and descriptors stay as they were,
// nothing is reported, and who means well is served afterwards.
//   deno test -A tests/soak/net_hostile.soak.ts
//   SOAK_ROUNDS=50 deno task soak --rounds=1 net_hostile    for about an hour
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  type ExceptionContext,
  getRunningLoop,
  openConnection,
  run,
  type ServeOptions,
  startServer,
  type StreamReader,
  type StreamWriter,
  type TlsOptions,
} from "../../mod.ts";
import { caCert, serverCert, serverKey } from "../_support/certificates.ts";
import { flood, floodWays } from "../_support/floods.ts";
import { Peer } from "../_support/peers.ts";
import { portOf, text } from "../_support/streams.ts";
import { openDescriptors, until } from "../_support/processes.ts";
import { heldMegabytes, MEGABYTE, settledMegabytes } from "../_support/memory.ts";

/** How often each flood comes; memory is compared between the first and the last. */
const ROUNDS = Number(process.env.SOAK_ROUNDS ?? "3");
const CONNECTIONS = 500;

function soak(name: string, body: (reports: ExceptionContext[]) => Promise<void>): void {
  test(name, { timeout: 60_000 + ROUNDS * 60_000 }, () =>
    run(async () => {
      const reports: ExceptionContext[] = [];
      getRunningLoop().setExceptionHandler((_loop, context) => reports.push(context));
      await body(reports);
      assert.deepEqual(reports, []);
    }));
}

function hello(_reader: StreamReader, writer: StreamWriter): void {
  writer.write("hello");
  writer.close();
}

const servers: Record<string, [serve: ServeOptions, connect: { ssl?: TlsOptions }]> = {
  "plain TCP": [{}, {}],
  TLS: [{ ssl: { cert: serverCert, key: serverKey } }, { ssl: { caCerts: [caCert] } }],
};

for (const [kind, [serve, connect]] of Object.entries(servers)) {
  for (const way of floodWays) {
    // Without TLS nobody answers a hello, which is what that peer waits for.
    if (kind !== "TLS" && way === "a hello, then a reset") continue;
    soak(`CSRV-15: ${CONNECTIONS} connections and again over ${kind}: ${way}`, async (reports) => {
      const server = await startServer(hello, "127.0.0.1", 0, serve);
      const port = portOf(server);
      // What a runtime allocates with its first connections and keeps does not count.
      await flood(port, CONNECTIONS, way);
      const before = await settledMegabytes();
      const descriptors = openDescriptors();
      for (let round = 0; round < ROUNDS; round++) {
        await flood(port, CONNECTIONS, way);
        await until(() => openDescriptors() <= descriptors, "the release of all descriptors");
        assert.deepEqual(reports, []);
      }
      const growth = await settledMegabytes() - before;
      console.log(`${kind}, ${way}: ${(growth * 1024 / ROUNDS / CONNECTIONS).toFixed(2)} KB each`);
      assert.ok(growth < 4, `${growth} MB are left of ${ROUNDS * CONNECTIONS} connections`);
      const options = "ssl" in connect ? { ...connect, serverHostname: "localhost" } : {};
      const [reader, writer] = await openConnection("127.0.0.1", port, options);
      assert.equal(text(await reader.read()), "hello");
      writer.close();
      server.close();
      await server.waitClosed();
    });
  }
}

/** Sends byte by byte until nobody takes any more, then waits to be told to leave. */
const ONE_BYTE_PEER = `
import socket, sys, time
count, peers = int(sys.argv[2]), []
for i in range(4):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1); s.setblocking(False); peers.append(s)
for i in range(count):
    for s in peers:
        try: s.send(b"x")
        except OSError: pass
    if i % 8 == 0: time.sleep(0)
sys.stdin.read()
`;

soak(
  "SR-25: peers that send byte by byte cost no more than others, and leave nothing",
  async () => {
    const readers: StreamReader[] = [];
    let release: (() => void)[] = [];
    const server = await startServer(
      async (reader, writer) => {
        readers.push(reader);
        await new Promise<void>((resolve) => release.push(resolve));
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const round = async (): Promise<number> => {
      const before = heldMegabytes();
      const peer = new Peer("python3", ["-c", ONE_BYTE_PEER, String(portOf(server)), "150000"]);
      await until(() => readers.length === 4, "the connections");
      // Each holds twice its limit, or all that came.
      let last = "";
      const still = (): boolean => {
        const now = readers.join();
        const same = now === last;
        last = now;
        return same && /\d{5,} bytes/.test(now);
      };
      for (let times = 0; times < 5;) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        times = still() ? times + 1 : 0;
      }
      const each = (await settledMegabytes() - before) / 4;
      readers.length = 0;
      for (const end of release) end();
      release = [];
      peer.end("");
      await peer.done();
      return each;
    };
    await round();
    const before = await settledMegabytes();
    const descriptors = openDescriptors();
    let most = 0;
    for (let times = 0; times < ROUNDS; times++) {
      most = Math.max(most, await round());
      await until(() => openDescriptors() <= descriptors, "the release of all descriptors");
    }
    const growth = await settledMegabytes() - before;
    console.log(
      `a peer of single bytes: ${(most * MEGABYTE / 1024).toFixed(0)} KB; left over: ${
        growth.toFixed(1)
      } MB`,
    );
    assert.ok(most < 1.5, `${most} MB for one connection`);
    assert.ok(growth < 4, `${growth} MB are left over`);
    server.close();
    await server.waitClosed();
  },
);
