import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  CancelledError,
  type EventLoop,
  GaiError,
  IPPROTO_TCP,
  IPPROTO_UDP,
  NotImplementedError,
  openConnection,
  OSError,
  SOCK_DGRAM,
  SOCK_STREAM,
  Socket,
  startServer,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import { lookup } from "../../../net/names/dns.ts";
import type { ResolvedAddress } from "../../../net/core/host.ts";
import { netHost, useHost } from "../../../net/hosts/select.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { ipFamily } from "../../../net/core/addresses.ts";
import { portOf, runs, started, ticks } from "../../_support/streams.ts";

test("LOOP-46: literals are told from names, and their family is known", () => {
  const four = ["127.0.0.1", "0.0.0.0", "255.255.255.255"];
  const six = ["::1", "::", "fe80::1%eth0", "::ffff:127.0.0.1", "2001:db8::8:800:200c:417a"];
  const names = [
    "localhost",
    "127.1",
    "256.0.0.1",
    "1.2.3.4.",
    "1.2.3.4.5",
    "",
    "a.b.c.d",
    "face.beef",
  ];
  assert.deepEqual(four.map(ipFamily), four.map(() => 4));
  assert.deepEqual(six.map(ipFamily), six.map(() => 6));
  assert.deepEqual(names.map(ipFamily), names.map(() => 0));
});

runs(
  "LOOP-46: a literal is its own address, of the family and type asked for",
  async ({ loop }) => {
    assert.deepEqual(await loop.getaddrinfo("127.0.0.1", 80), [
      { family: 4, address: { transport: "tcp", hostname: "127.0.0.1", port: 80 } },
    ]);
    assert.deepEqual(await loop.getaddrinfo("::1", 53, { type: "SOCK_DGRAM", family: 6 }), [
      { family: 6, address: { transport: "udp", hostname: "::1", port: 53 } },
    ]);
    assert.deepEqual(await lookup("fe80::1%lo", 80), [{ family: 6, hostname: "fe80::1%lo" }]);
  },
);

runs("LOOP-46: a literal of the other family is a GaiError", async ({ loop }) => {
  await assert.rejects(loop.getaddrinfo("::1", 80, { family: 4 }), GaiError);
  await assert.rejects(lookup("127.0.0.1", 80, 6), GaiError);
});

runs(
  "LOOP-47: a port may be null, empty, a number in text, or the name of a service",
  async ({ loop }) => {
    const ports = [];
    for (const port of [null, "", "8080", "http", 443]) {
      ports.push((await loop.getaddrinfo("127.0.0.1", port))[0]?.address.port);
    }
    assert.deepEqual(ports, [0, 0, 8080, 80, 443]);
  },
);

runs(
  "LOOP-47: a service nobody knows is a GaiError, a port that is none a RangeError",
  async ({ loop }) => {
    await assert.rejects(loop.getaddrinfo("127.0.0.1", "nosuchservice"), GaiError);
    await assert.rejects(loop.getaddrinfo("127.0.0.1", 65536), RangeError);
  },
);

runs("LOOP-49: a name resolves to addresses of the family asked for", async ({ loop }) => {
  const found = await loop.getaddrinfo("localhost", 80, { family: 4 });
  assert.deepEqual(found[0], {
    family: 4,
    address: { transport: "tcp", hostname: "127.0.0.1", port: 80 },
  });
  assert.deepEqual(await lookup("localhost", 80, 4), [{ family: 4, hostname: "127.0.0.1" }]);
});

runs("LOOP-49: no host means this machine", async ({ loop }) => {
  const found = await loop.getaddrinfo(null, 80);
  assert.deepEqual(found.map(({ address }) => address.hostname), ["::1", "127.0.0.1"]);
});

runs("LOOP-49: a name without an address is a GaiError with a code", async () => {
  for (const host of ["no-such-host.invalid", ""]) {
    const error = await lookup(host, 80).catch((caught) => caught);
    assert.ok(error instanceof GaiError, String(error));
    assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
  }
});

runs(
  "LOOP-49: getnameinfo gives names where there are some, and numbers where not",
  async ({ loop }) => {
    const [host, service] = await loop.getnameinfo({ hostname: "127.0.0.1", port: 54321 });
    assert.equal(typeof host, "string");
    assert.equal(service, "54321");
    // An address of the documentation's: it has no name anywhere.
    assert.deepEqual(await loop.getnameinfo({ hostname: "192.0.2.1", port: 54321 }), [
      "192.0.2.1",
      "54321",
    ]);
    await assert.rejects(loop.getnameinfo({ hostname: "localhost", port: 80 }), GaiError);
  },
);

/** Gives the loop a resolver of the test's own. */
function resolver(
  loop: EventLoop,
  lookup: (name: string, family: 0 | 4 | 6) => Promise<ResolvedAddress[]>,
  lookupService: () => Promise<[string, string]> = () => Promise.resolve(["a", "b"]),
): void {
  useHost(loop[core], { ...netHost, lookup, lookupService });
}

const FOUR: ResolvedAddress = { family: 4, hostname: "192.0.2.1" };
const SIX: ResolvedAddress = { family: 6, hostname: "2001:db8::1" };

/** A resolver that knows some addresses. */
function knows(
  ...all: ResolvedAddress[]
): (name: string, family: 0 | 4 | 6) => Promise<ResolvedAddress[]> {
  return (name, family) => {
    const found = all.filter((one) => family === 0 || one.family === family);
    if (found.length > 0) return Promise.resolve(found);
    return Promise.reject(new GaiError(`${name} is not known`, { code: "ENOTFOUND" }));
  };
}

const never = () => new Promise<never>(() => {});

for (
  const [what, call] of [
    ["getaddrinfo()", (loop) => loop.getaddrinfo("slow.example", 80)],
    ["getnameinfo()", (loop) => loop.getnameinfo({ hostname: "192.0.2.1", port: 80 })],
    ["openConnection()", () => openConnection("slow.example", 80)],
    [
      "openConnection() with a local name",
      () => openConnection("127.0.0.1", 80, { localAddr: { hostname: "slow.example" } }),
    ],
    ["startServer()", () => startServer(() => {}, ["127.0.0.1", "slow.example"], 0)],
    [
      "createDatagramEndpoint()",
      (loop) =>
        loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), {
          remoteAddr: { hostname: "slow.example", port: 80 },
        }),
    ],
    [
      "sockConnect()",
      (loop) => loop.sockConnect(new Socket(), { hostname: "slow.example", port: 1 }),
    ],
  ] as [string, (loop: EventLoop) => Promise<unknown>][]
) {
  runs(`LOOP-49: ${what} that waits for the resolver can be cancelled`, async ({ loop }) => {
    resolver(loop, never, never);
    const [task] = await started(() => call(loop));
    await ticks(2);
    assert.equal(task.done(), false);
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
  });
}

runs(
  "LOOP-49: a deadline ends the wait for the resolver, and its body cleans up",
  async ({ loop }) => {
    resolver(loop, never);
    let cleaned = false;
    await assert.rejects(
      timeout(0.001).with(async () => {
        try {
          await loop.getaddrinfo("slow.example", 80);
        } finally {
          cleaned = true;
        }
      }),
      TimeoutError,
    );
    assert.equal(cleaned, true);
  },
);

runs("LOOP-49: what a lookup says after its waiter went is nobody's error", async ({ loop }) => {
  let fail = (_error: unknown): void => {};
  resolver(loop, () => new Promise((_resolve, reject) => fail = reject));
  const [task] = await started(() => loop.getaddrinfo("slow.example", 80));
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  fail(new GaiError("too late", { code: "EAI_AGAIN" }));
  await ticks(3);
});

runs("LOOP-49: neither host nor port is a GaiError, as in CPython", async ({ loop }) => {
  for (const port of [null, ""]) {
    await assert.rejects(loop.getaddrinfo(null, port), { name: "GaiError", code: "EAI_NONAME" });
  }
  assert.equal((await loop.getaddrinfo(null, 0)).length, 2);
});

runs("LOOP-49: proto is that of the type, and says the type", async ({ loop }) => {
  const [tcp] = await loop.getaddrinfo("127.0.0.1", 80, { proto: IPPROTO_TCP });
  const [udp] = await loop.getaddrinfo("127.0.0.1", 80, { proto: IPPROTO_UDP });
  assert.deepEqual([tcp?.address.transport, udp?.address.transport], ["tcp", "udp"]);
  const mixed = loop.getaddrinfo("127.0.0.1", 80, { type: SOCK_STREAM, proto: IPPROTO_UDP });
  await assert.rejects(mixed, { name: "GaiError", code: "EAI_SOCKTYPE" });
  const agreed = await loop.getaddrinfo("127.0.0.1", 80, { type: SOCK_DGRAM, proto: IPPROTO_UDP });
  assert.equal(agreed[0]?.address.transport, "udp");
});

runs("LOOP-49: AI_PASSIVE gives the addresses to listen on", async ({ loop }) => {
  const found = await loop.getaddrinfo(null, 80, { flags: AI_PASSIVE });
  assert.deepEqual(found.map(({ address }) => address.hostname), ["0.0.0.0", "::"]);
  const six = await loop.getaddrinfo(null, 80, { flags: AI_PASSIVE, family: 6 });
  assert.deepEqual(six.map(({ address }) => address.hostname), ["::"]);
});

runs("LOOP-49: AI_NUMERICHOST and AI_NUMERICSERV look nothing up", async ({ loop }) => {
  resolver(loop, never);
  const flags = AI_NUMERICHOST | AI_NUMERICSERV;
  assert.equal((await loop.getaddrinfo("::1", "80", { flags })).length, 1);
  await assert.rejects(loop.getaddrinfo("localhost", 80, { flags }), GaiError);
  await assert.rejects(loop.getaddrinfo("::1", "http", { flags }), { code: "EAI_NONAME" });
});

runs(
  "LOOP-49: of a name with addresses of both families only the one asked for is given",
  async ({ loop }) => {
    const look = async (family?: 4 | 6): Promise<string[]> =>
      (await loop.getaddrinfo("some.example", 80, family === undefined ? {} : { family }))
        .map(({ family, address }) => `${family} ${address.hostname}`);
    resolver(loop, knows(FOUR, SIX));
    assert.deepEqual(await look(4), ["4 192.0.2.1"]);
    assert.deepEqual(await look(6), ["6 2001:db8::1"]);
    assert.deepEqual(await look(), ["4 192.0.2.1", "6 2001:db8::1"]);
    resolver(loop, knows(FOUR));
    await assert.rejects(look(6), GaiError);
  },
);

runs(
  "LOOP-49: AI_V4MAPPED gives IPv4 addresses where there is no other, AI_ALL beside them",
  async ({ loop }) => {
    const look = async (flags: number): Promise<string[]> =>
      (await loop.getaddrinfo("some.example", 80, { family: 6, flags }))
        .map(({ family, address }) => `${family} ${address.hostname}`);
    resolver(loop, knows(FOUR));
    assert.deepEqual(await look(AI_V4MAPPED), ["6 ::ffff:192.0.2.1"]);
    await assert.rejects(look(AI_ALL), GaiError);
    resolver(loop, knows(FOUR, SIX));
    assert.deepEqual(await look(AI_V4MAPPED), ["6 2001:db8::1"]);
    assert.deepEqual(await look(AI_V4MAPPED | AI_ALL), ["6 2001:db8::1", "6 ::ffff:192.0.2.1"]);
    const literal = await loop.getaddrinfo("192.0.2.7", 80, { family: 6, flags: AI_V4MAPPED });
    assert.equal(literal[0]?.address.hostname, "::ffff:192.0.2.7");
  },
);

runs("LOOP-49: AI_ADDRCONFIG gives only families that this machine has", async ({ loop }) => {
  resolver(loop, knows(FOUR, SIX));
  const { networkInterfaces } = await import("node:os");
  const own = Object.values(networkInterfaces()).flat().filter((one) => !one!.internal)
    .map((one) => one!.family === "IPv6" ? 6 : 4);
  const wanted = new Set(own.length === 0 ? [4, 6] : own);
  const found = await loop.getaddrinfo("some.example", 80, { flags: AI_ADDRCONFIG });
  assert.deepEqual(new Set(found.map(({ family }) => family)), wanted);
});

runs("LOOP-49: AI_CANONNAME is told of a literal, and refused for a name", async ({ loop }) => {
  const flags = AI_CANONNAME;
  const [found] = await loop.getaddrinfo("127.0.0.1", 80, { flags });
  assert.equal(found?.canonicalName, "127.0.0.1");
  await assert.rejects(loop.getaddrinfo("localhost", 80, { flags }), NotImplementedError);
  await assert.rejects(loop.getaddrinfo(null, 80, { flags }), { code: "EAI_BADFLAGS" });
});

runs("LOOP-49: a flag that does not exist is EAI_BADFLAGS", async ({ loop }) => {
  for (const flags of [64, 1 << 20, 2 ** 32]) {
    const error = await loop.getaddrinfo("127.0.0.1", 80, { flags }).catch((caught) => caught);
    assert.ok(error instanceof GaiError);
    assert.equal(error.code, "EAI_BADFLAGS");
  }
});

runs(
  "LOOP-49: proto and flags of a call reach the resolver, and nothing else does",
  async ({ loop }) => {
    const asked: unknown[] = [];
    loop.getaddrinfo = (_host, _port, options) => {
      asked.push(options);
      return Promise.reject(new OSError("not here"));
    };
    const flags = AI_ADDRCONFIG;
    await assert.rejects(
      openConnection("some.example", 80, { proto: IPPROTO_TCP, flags }),
      OSError,
    );
    await assert.rejects(openConnection("some.example", 80), OSError);
    await assert.rejects(startServer(() => {}, "some.example", 80, { flags }), OSError);
    const remoteAddr = { hostname: "some.example", port: 80 };
    const datagrams = { remoteAddr, proto: IPPROTO_UDP, flags } as const;
    await assert.rejects(
      loop.createDatagramEndpoint(() => ({ datagramReceived() {} }), datagrams),
      OSError,
    );
    assert.deepEqual(asked, [
      { family: 0, type: SOCK_STREAM, proto: IPPROTO_TCP, flags },
      { family: 0, type: SOCK_STREAM },
      { family: 0, type: SOCK_STREAM, flags },
      { family: 0, type: SOCK_DGRAM, proto: IPPROTO_UDP, flags },
    ]);
  },
);

for (const keepAlive of [true, undefined]) {
  runs(
    `SRVX-03: keepAlive is ${keepAlive === true ? "" : "not "}switched on for connections`,
    async ({ loop }) => {
      const calls: boolean[] = [];
      useHost(loop[core], {
        ...netHost,
        listenTcp: async (options) => {
          const listener = await netHost.listenTcp(options);
          const { start } = listener;
          listener.start = (sink) =>
            start.call(listener, {
              onError: (error, retry) => sink.onError(error, retry),
              onConnection: (channel) => {
                channel.setKeepAlive = (on) => calls.push(on);
                sink.onConnection(channel);
              },
            });
          return listener;
        },
      });
      const options = keepAlive === undefined ? {} : { keepAlive };
      const server = await startServer(
        (_reader, writer) => writer.close(),
        "127.0.0.1",
        0,
        options,
      );
      const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
      await reader.read();
      writer.close();
      server.close();
      await server.waitClosed();
      assert.deepEqual(calls, keepAlive === true ? [true] : []);
    },
  );
}
