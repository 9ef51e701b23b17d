// What a handshake that fails leaves behind: nothing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetHost, RawChannel, UpgradeTls } from "../../../net/core/host.ts";
import { OSError } from "../../../mod.ts";
import { collectUntil } from "../../_support/gc.ts";
import { caCert, serverCert, serverKey } from "../../_support/certificates.ts";
import { hosts, withPair, write } from "../../_support/net_hosts.ts";

const serverSide: UpgradeTls = { isServer: true, cert: serverCert, key: serverKey };
const clientSide: UpgradeTls = { isServer: false, caCerts: [caCert], serverHostname: "localhost" };

const ROUNDS = 20;

let collected = 0;
const registry = new FinalizationRegistry(() => collected++);

/** What ends a handshake; the channel of the side that is to let go of it is watched. */
const failures: Record<string, (host: NetHost) => Promise<void>> = {
  "with a client that speaks no TLS": (host) =>
    failed(host, async (client, server) => {
      const shaking = host.upgradeTls(server, serverSide).promise;
      await write(client, "GET / HTTP/1.0\r\n\r\n");
      return [server, shaking];
    }),
  "with a client that leaves": (host) =>
    failed(host, async (client, server) => {
      const shaking = host.upgradeTls(server, serverSide).promise;
      await write(client, new Uint8Array([22, 3, 1, 2, 0, 1]));
      client.close();
      return [server, shaking];
    }),
  "that is called off": (host) =>
    failed(host, (_client, server) => {
      const operation = host.upgradeTls(server, serverSide);
      operation.cancel();
      return Promise.resolve([server, operation.promise]);
    }),
  "with a server that speaks no TLS": (host) =>
    failed(host, async (client, server) => {
      const shaking = host.upgradeTls(client, clientSide).promise;
      await write(server, "220 welcome\r\n");
      return [client, shaking];
    }),
};

function failed(
  host: NetHost,
  body: (client: RawChannel, server: RawChannel) => Promise<[RawChannel, Promise<unknown>]>,
): Promise<void> {
  return withPair(host, async (client, server) => {
    const [channel, shaking] = await body(client, server);
    registry.register(channel, null);
    await assert.rejects(shaking, OSError);
  });
}

for (const [name, host] of hosts) {
  for (const [how, fail] of Object.entries(failures)) {
    test(`TLS-06: ${name}: a handshake ${how} leaves nothing in memory`, async () => {
      collected = 0;
      for (let round = 0; round < ROUNDS; round++) await fail(host);
      // Collectors that look at the stack may take a number there for one of them.
      assert.ok(
        await collectUntil(() => collected >= ROUNDS * 0.8),
        `${collected} of ${ROUNDS} were collected`,
      );
    });
  }
}
