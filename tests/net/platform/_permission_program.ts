// Run by host_permissions.test.ts with few permissions: prints what each call of the host came to.
import { type EventLoop, getEventLoop } from "../../../mod.ts";
import { lookup } from "../../../net/names/dns.ts";
import type { NetHost } from "../../../net/core/host.ts";
import { denoHost } from "../../../net/hosts/deno.ts";
import { nodeHost } from "../../../net/hosts/node.ts";

const loop: EventLoop = getEventLoop();
const port = Number(process.argv[2]);
const path = process.argv[3] ?? "";
const here = { hostname: "127.0.0.1", port };
const elsewhere = { hostname: "127.0.0.2", port: 1 };

function calls(host: NetHost): Record<string, () => Promise<{ close(): void }>> {
  return {
    connect: () => host.connect(elsewhere).promise,
    connectFrom: () =>
      host.connect({ ...elsewhere, localAddr: { hostname: "127.0.0.1", port: 0 } }).promise,
    connectUnix: () => host.connect({ path }).promise,
    listen: () => host.listenTcp(elsewhere),
    listenEverywhere: () => host.listenTcp({ hostname: null, port: 1 }),
    listenShared: () => host.listenTcp({ ...elsewhere, reusePort: true }),
    listenUnix: () => host.listenUnix({ path }),
    datagrams: () => host.openDatagram({ local: elsewhere }),
    granted: () => host.connect(here).promise,
    grantedByName: async () => {
      const [found] = await lookup("localhost", port);
      return await host.connect({ hostname: found?.hostname ?? "", port }).promise;
    },
  };
}

const closed = { close: () => {} };
const resolver = {
  lookup: () => lookup("example.org", 1).then(() => closed),
  getaddrinfo: () => loop.getaddrinfo("example.org", 1).then(() => closed),
  getnameinfo: () => loop.getnameinfo(elsewhere).then(() => closed),
};

const report: Record<string, string> = {};
for (
  const [name, group] of Object.entries({
    Deno: calls(denoHost),
    "node:net": calls(nodeHost),
    dns: resolver,
  })
) {
  for (const [call, run] of Object.entries(group)) {
    report[`${name} ${call}`] = await run().then(
      (made) => {
        made.close();
        return "made";
      },
      (error) => `${error.name} ${error.message}`,
    );
  }
}
console.log(JSON.stringify(report));
