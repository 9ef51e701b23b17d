import assert from "node:assert/strict";
import { test } from "node:test";
import { GaiError } from "../../runtime/os_error_family.ts";
import { getaddrinfo, getnameinfo, lookup } from "../../net/dns.ts";
import { ipFamily } from "../../net/_ip_family.ts";

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

test("LOOP-46: a literal is its own address, of the family and type asked for", async () => {
  assert.deepEqual(await getaddrinfo("127.0.0.1", 80), [
    { family: 4, address: { transport: "tcp", hostname: "127.0.0.1", port: 80 } },
  ]);
  assert.deepEqual(await getaddrinfo("::1", 53, { type: "SOCK_DGRAM", family: 6 }), [
    { family: 6, address: { transport: "udp", hostname: "::1", port: 53 } },
  ]);
  assert.deepEqual(await lookup("fe80::1%lo", 80), [{ family: 6, hostname: "fe80::1%lo" }]);
});

test("LOOP-46: a literal of the other family is a GaiError", async () => {
  await assert.rejects(getaddrinfo("::1", 80, { family: 4 }), GaiError);
  await assert.rejects(lookup("127.0.0.1", 80, 6), GaiError);
});

test("LOOP-47: a port may be null, empty, a number in text, or the name of a service", async () => {
  const ports = [];
  for (const port of [null, "", "8080", "http", 443]) {
    ports.push((await getaddrinfo("127.0.0.1", port))[0]?.address.port);
  }
  assert.deepEqual(ports, [0, 0, 8080, 80, 443]);
});

test("LOOP-47: a service nobody knows is a GaiError, a port that is none a RangeError", async () => {
  await assert.rejects(getaddrinfo("127.0.0.1", "nosuchservice"), GaiError);
  await assert.rejects(getaddrinfo("127.0.0.1", 65536), RangeError);
});

test("LOOP-49: a name resolves to addresses of the family asked for", async () => {
  const found = await getaddrinfo("localhost", 80, { family: 4 });
  assert.deepEqual(found[0], {
    family: 4,
    address: { transport: "tcp", hostname: "127.0.0.1", port: 80 },
  });
  assert.deepEqual(await lookup("localhost", 80, 4), [{ family: 4, hostname: "127.0.0.1" }]);
});

test("LOOP-49: no host means this machine", async () => {
  const found = await getaddrinfo(null, 80);
  assert.deepEqual(found.map(({ address }) => address.hostname), ["::1", "127.0.0.1"]);
});

test("LOOP-49: a name without an address is a GaiError with a code", async () => {
  for (const host of ["no-such-host.invalid", ""]) {
    const error = await lookup(host, 80).catch((caught) => caught);
    assert.ok(error instanceof GaiError, String(error));
    assert.match(error.code, /^(ENOTFOUND|EAI_AGAIN)$/);
  }
});

test("LOOP-49: getnameinfo gives names where there are some, and numbers where not", async () => {
  const [host, service] = await getnameinfo({ hostname: "127.0.0.1", port: 54321 });
  assert.equal(typeof host, "string");
  assert.equal(service, "54321");
  // An address of the documentation's: it has no name anywhere.
  assert.deepEqual(await getnameinfo({ hostname: "192.0.2.1", port: 54321 }), [
    "192.0.2.1",
    "54321",
  ]);
  await assert.rejects(getnameinfo({ hostname: "localhost", port: 80 }), GaiError);
});
