import assert from "node:assert/strict";
import {
  AF_UNIX,
  CancelledError,
  type ConnectionRefusedError,
  createTask,
  type EventLoop,
  ExceptionGroup,
  GaiError,
  type NetAddress,
  OSError,
  SOCK_DGRAM,
  Socket,
  timeout,
  TimeoutError,
} from "../../../mod.ts";
import type {
  ConnectTarget,
  ConnectTcp,
  NetHost,
  Operation,
  RawChannel,
} from "../../../net/core/host.ts";
import { useHost } from "../../../net/hosts/select.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { startOperation } from "../../../net/core/operations.ts";
import { FakeChannel, Recorder } from "../../_support/fake_channel.ts";
import { portOf, runs, ticks, until, withPath } from "../../_support/streams.ts";

const make = () => new Recorder();

/** Lets names resolve to what the test says. */
function resolving(loop: EventLoop, ...hostnames: string[]): void {
  loop.getaddrinfo = (_host, port) =>
    Promise.resolve(hostnames.map((hostname) => ({
      family: hostname.includes(":") ? 6 : 4,
      address: { transport: "tcp", hostname, port: Number(port) },
    })));
}

/** A host whose attempts to connect the test ends. */
class FakeConnects {
  readonly attempts: { target: ConnectTcp; cancelled: boolean }[] = [];
  readonly channels: FakeChannel[] = [];
  #settles: ((outcome: RawChannel | OSError) => void)[] = [];

  constructor(loop: EventLoop) {
    const connect = (target: ConnectTarget) => this.#connect(target as ConnectTcp);
    useHost(loop[core], { connect } as unknown as NetHost);
  }

  get order(): string[] {
    return this.attempts.map(({ target }) => target.hostname);
  }

  succeed(index: number): FakeChannel {
    const channel = new FakeChannel();
    this.channels.push(channel);
    this.#settles[index]!(channel);
    return channel;
  }

  fail(index: number, message: string, code = "ECONNREFUSED"): OSError {
    const error = new OSError(message, { code });
    this.#settles[index]!(error);
    return error;
  }

  #connect(target: ConnectTcp): Operation<RawChannel> {
    const attempt = { target, cancelled: false };
    this.attempts.push(attempt);
    return startOperation<RawChannel>("connect", ({ resolve, reject }) => {
      this.#settles.push((outcome) =>
        outcome instanceof OSError ? reject(outcome) : resolve(outcome)
      );
      return () => attempt.cancelled = true;
    });
  }
}

runs(
  "CONN-01: createConnection() gives transport and protocol, connectionMade() called",
  async ({ loop }) => {
    const server = await loop.createServer(make, "127.0.0.1", 0);
    const port = portOf(server);
    const [transport, protocol] = await loop.createConnection(make, "127.0.0.1", port);
    assert.deepEqual(protocol.log, ["made"]);
    assert.equal(protocol.transport, transport);
    assert.deepEqual(transport.getExtraInfo("peername"), {
      transport: "tcp",
      hostname: "127.0.0.1",
      port,
    });
    const own = transport.getExtraInfo("sockname") as NetAddress;
    assert.deepEqual([own.hostname, own.port > 0], ["127.0.0.1", true]);
    assert.deepEqual(transport.getExtraInfo("socket")!.getsockname(), own);
    transport.close();
    server.close();
    await server.waitClosed();
  },
);

runs(
  "CONN-01: createUnixConnection() does so over a unix socket",
  ({ loop }) =>
    withPath(async (path) => {
      const server = await loop.createUnixServer(make, path);
      const [transport, protocol] = await loop.createUnixConnection(make, path);
      assert.deepEqual(protocol.log, ["made"]);
      assert.deepEqual(transport.getExtraInfo("peername"), { transport: "unix", path });
      transport.close();
      server.close();
      await server.waitClosed();
    }),
);

runs("CONN-02: host or port beside { sock } is a RangeError", async ({ loop }) => {
  const sock = new Socket();
  await assert.rejects(loop.createConnection(make, "127.0.0.1", null, { sock }), RangeError);
  await assert.rejects(loop.createConnection(make, null, 80, { sock }), RangeError);
});

runs("CONN-02: neither host and port nor { sock } is a RangeError", async ({ loop }) => {
  await assert.rejects(loop.createConnection(make, null, null), {
    name: "RangeError",
    message: "host and port was not specified and no sock specified",
  });
});

runs("CONN-02: a socket that is no stream is a RangeError", async ({ loop }) => {
  const sock = new Socket(AF_UNIX, SOCK_DGRAM);
  await assert.rejects(loop.createConnection(make, null, null, { sock }), (error) => {
    assert.ok(error instanceof RangeError);
    assert.match(error.message, /^A Stream Socket was expected, got <Socket AF_UNIX SOCK_DGRAM/);
    return true;
  });
});

runs("CONN-03: a name that resolves to nothing is an OSError", async ({ loop }) => {
  resolving(loop);
  await assert.rejects(loop.createConnection(make, "nowhere.example", 80), {
    name: "OSError",
    message: "getaddrinfo() returned empty list",
  });
});

runs("CONN-03: a local name that resolves to nothing is an OSError", async ({ loop }) => {
  resolving(loop);
  const localAddr = { hostname: "nowhere.example" };
  await assert.rejects(loop.createConnection(make, "127.0.0.1", 80, { localAddr }), {
    name: "OSError",
    message: "getaddrinfo() returned empty list",
  });
});

runs("CONN-04: the error of the only address is thrown as it is", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(server);
  server.close();
  await server.waitClosed();
  await assert.rejects(
    loop.createConnection(make, "127.0.0.1", port),
    (error: ConnectionRefusedError) => {
      assert.equal(error.name, "ConnectionRefusedError");
      assert.equal(error.code, "ECONNREFUSED");
      assert.match(error.message, new RegExp(`127.0.0.1:${port}`));
      return true;
    },
  );
});

for (const happyEyeballsDelay of [null, 5]) {
  const how = happyEyeballsDelay === null ? "one after the other" : "side by side";
  runs(`CONN-04: different errors are listed in one OSError, ${how}`, async ({ loop }) => {
    resolving(loop, "192.0.2.1", "192.0.2.2");
    const connects = new FakeConnects(loop);
    const task = createTask(() =>
      loop.createConnection(make, "host.example", 80, { happyEyeballsDelay })
    );
    await until(() => connects.attempts.length === 1);
    const first = connects.fail(0, "err1", "ECONNREFUSED");
    await until(() => connects.attempts.length === 2);
    const second = connects.fail(1, "err2", "EHOSTUNREACH");
    await assert.rejects(async () => await task, (error) => {
      assert.ok(error instanceof OSError);
      assert.equal(error.message, "Multiple exceptions: err1, err2");
      assert.ok(error.cause instanceof ExceptionGroup);
      assert.deepEqual(error.cause.errors, [first, second]);
      return true;
    });
  });

  runs(`CONN-04: errors of the same text are thrown once, ${how}`, async ({ loop }) => {
    resolving(loop, "192.0.2.1", "192.0.2.2");
    const connects = new FakeConnects(loop);
    const task = createTask(() =>
      loop.createConnection(make, "host.example", 80, { happyEyeballsDelay })
    );
    await until(() => connects.attempts.length === 1);
    const first = connects.fail(0, "same");
    await until(() => connects.attempts.length === 2);
    connects.fail(1, "same");
    await assert.rejects(async () => await task, (error) => error === first);
  });
}

runs("CONN-04: several failures of one kind keep their class", async ({ loop }) => {
  resolving(loop, "127.0.0.1", "::1");
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(server);
  server.close();
  await server.waitClosed();
  await assert.rejects(loop.createConnection(make, "host.example", port), {
    name: "ConnectionRefusedError",
    code: "ECONNREFUSED",
    message: /^Multiple exceptions: .*127\.0\.0\.1.*, .*::1/,
  });
});

runs("CONN-05: a connect that a timeout ends is called off", async ({ loop }) => {
  const connects = new FakeConnects(loop);
  await assert.rejects(
    timeout(0.005).with(() => loop.createConnection(make, "192.0.2.1", 80)),
    TimeoutError,
  );
  assert.equal(connects.attempts[0]!.cancelled, true);
});

runs(
  "CONN-05: a channel that comes in the tick of the cancellation is closed",
  async ({ loop }) => {
    const connects = new FakeConnects(loop);
    const task = createTask(() => loop.createConnection(make, "192.0.2.1", 80));
    await until(() => connects.attempts.length === 1);
    const channel = connects.succeed(0);
    // The operation has resolved, the waiting task not yet.
    await Promise.resolve();
    await Promise.resolve();
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
    await ticks(3);
    assert.equal(channel.closed, true);
  },
);

runs("CONN-05: an abort signal ends connecting with its reason", async ({ loop }) => {
  const connects = new FakeConnects(loop);
  const stop = new AbortController();
  const reason = new Error("not needed any more");
  const task = createTask(() =>
    loop.createConnection(make, "192.0.2.1", 80, { signal: stop.signal })
  );
  await until(() => connects.attempts.length === 1);
  stop.abort(reason);
  await assert.rejects(async () => await task, (error) => error === reason);
  assert.equal(connects.attempts[0]!.cancelled, true);
});

runs("CONN-06: IP addresses need no resolver", async ({ loop }) => {
  loop.getaddrinfo = () => Promise.reject(new Error("the resolver was asked"));
  const server = await loop.createServer(make, ["127.0.0.1", "::1"], 0);
  for (const socket of server.sockets) {
    const { hostname, port } = socket.getsockname() as NetAddress;
    const [transport] = await loop.createConnection(make, hostname, port);
    assert.equal((transport.getExtraInfo("peername") as NetAddress).hostname, hostname);
    transport.close();
  }
  server.close();
  await server.waitClosed();
});

runs("CONN-06: names are looked up", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const [transport] = await loop.createConnection(make, "localhost", portOf(server));
  assert.equal((transport.getExtraInfo("peername") as NetAddress).hostname, "127.0.0.1");
  transport.close();
  server.close();
  await server.waitClosed();
});

runs("CONN-06: a name or a service that nobody knows is a GaiError", async ({ loop }) => {
  await assert.rejects(loop.createConnection(make, "nowhere.invalid", 80), GaiError);
  await assert.rejects(loop.getaddrinfo("127.0.0.1", "no-such-service"), GaiError);
});

runs("CONN-07: localAddr binds the near end", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const placeholder = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(placeholder);
  placeholder.close();
  await placeholder.waitClosed();
  const [transport] = await loop.createConnection(make, "127.0.0.1", portOf(server), {
    localAddr: { hostname: "127.0.0.1", port },
  });
  assert.deepEqual(transport.getExtraInfo("sockname"), {
    transport: "tcp",
    hostname: "127.0.0.1",
    port,
  });
  transport.abort();
  server.close();
  await server.waitClosed();
});

runs("CONN-07: a localAddr in use is EADDRINUSE and named", async ({ loop }) => {
  const server = await loop.createServer(make, "127.0.0.1", 0);
  const port = portOf(server);
  const localAddr = { hostname: "127.0.0.1", port };
  await assert.rejects(loop.createConnection(make, "127.0.0.1", port, { localAddr }), {
    name: "OSError",
    code: "EADDRINUSE",
    message: new RegExp(`error while attempting to bind on address 127.0.0.1:${port}`),
  });
  server.close();
  await server.waitClosed();
});

runs("CONN-07: local addresses of another family are skipped", async ({ loop }) => {
  resolving(loop, "::1", "127.0.0.1");
  const connects = new FakeConnects(loop);
  const task = createTask(() =>
    loop.createConnection(make, "192.0.2.1", 80, { localAddr: { hostname: "local.example" } })
  );
  await until(() => connects.attempts.length === 1);
  assert.equal(connects.attempts[0]!.target.localAddr!.hostname, "127.0.0.1");
  connects.succeed(0);
  const [transport] = await task;
  transport.close();
});

runs("CONN-07: the next local address is tried when one can't be bound", async ({ loop }) => {
  resolving(loop, "127.0.0.2", "127.0.0.3");
  const connects = new FakeConnects(loop);
  const task = createTask(() =>
    loop.createConnection(make, "192.0.2.1", 80, { localAddr: { hostname: "local.example" } })
  );
  await until(() => connects.attempts.length === 1);
  connects.fail(0, "bind: address in use", "EADDRINUSE");
  await until(() => connects.attempts.length === 2);
  assert.equal(connects.attempts[1]!.target.localAddr!.hostname, "127.0.0.3");
  connects.succeed(1);
  const [transport] = await task;
  transport.close();
});

runs("CONN-07: no local address of the right family is an OSError", async ({ loop }) => {
  const localAddr = { hostname: "::1" };
  await assert.rejects(loop.createConnection(make, "127.0.0.1", 80, { localAddr }), {
    name: "OSError",
    message: "no matching local address with family=4 found",
  });
});

runs("CONN-09: ssl without a name to check is a RangeError", async ({ loop }) => {
  for (const host of [null, ""]) {
    await assert.rejects(loop.createConnection(make, host, 443, { ssl: true }), {
      name: "RangeError",
      message: "You must set serverHostname when using ssl without a host",
    });
  }
});

for (const option of ["serverHostname", "sslHandshakeTimeout", "sslShutdownTimeout"] as const) {
  runs(`CONN-09: ${option} without ssl is a RangeError`, async ({ loop }) => {
    const options = option === "serverHostname" ? { [option]: "" } : { [option]: 10 };
    await assert.rejects(loop.createConnection(make, "127.0.0.1", 80, options), {
      name: "RangeError",
      message: `${option} is only meaningful with ssl`,
    });
  });
}

runs(
  "CONN-11: the next address starts after the delay, and the winner ends the rest",
  async ({ loop }) => {
    resolving(loop, "192.0.2.1", "192.0.2.2", "192.0.2.3");
    const connects = new FakeConnects(loop);
    const task = createTask(() =>
      loop.createConnection(make, "host.example", 80, { happyEyeballsDelay: 0.02 })
    );
    await until(() => connects.attempts.length === 2);
    connects.succeed(1);
    const [transport] = await task;
    assert.deepEqual(connects.order, ["192.0.2.1", "192.0.2.2"]);
    assert.equal(connects.attempts[0]!.cancelled, true);
    transport.close();
  },
);

runs("CONN-11: a failure starts the next address at once", async ({ loop }) => {
  resolving(loop, "192.0.2.1", "192.0.2.2");
  const connects = new FakeConnects(loop);
  const task = createTask(() =>
    loop.createConnection(make, "host.example", 80, { happyEyeballsDelay: 3600 })
  );
  await until(() => connects.attempts.length === 1);
  connects.fail(0, "refused");
  await until(() => connects.attempts.length === 2);
  connects.succeed(1);
  const [transport] = await task;
  transport.close();
  assert.equal(connects.attempts.length, 2);
});

const orders: [
  interleave: number | undefined,
  delay: number | null | undefined,
  order: string[],
][] = [
  [undefined, undefined, ["::1", "192.0.2.1", "::2", "192.0.2.2", "::3"]],
  [undefined, null, ["::1", "::2", "::3", "192.0.2.1", "192.0.2.2"]],
  [2, null, ["::1", "::2", "192.0.2.1", "::3", "192.0.2.2"]],
  [0, 1, ["::1", "::2", "::3", "192.0.2.1", "192.0.2.2"]],
];
for (const [interleave, happyEyeballsDelay, order] of orders) {
  runs(
    `CONN-11: interleave ${interleave} with a delay of ${happyEyeballsDelay}`,
    async ({ loop }) => {
      resolving(loop, "::1", "::2", "::3", "192.0.2.1", "192.0.2.2");
      const connects = new FakeConnects(loop);
      const task = createTask(() =>
        loop.createConnection(make, "host.example", 80, {
          ...(interleave === undefined ? {} : { interleave }),
          ...(happyEyeballsDelay === undefined ? {} : { happyEyeballsDelay }),
        })
      );
      for (let i = 0; i < order.length; i++) {
        await until(() => connects.attempts.length === i + 1);
        connects.fail(i, `err${i}`);
      }
      await assert.rejects(async () => await task, OSError);
      assert.deepEqual(connects.order, order);
    },
  );
}

runs(
  "CONN-11: two that connect in the same tick: one wins, the other is closed",
  async ({ loop }) => {
    resolving(loop, "192.0.2.1", "192.0.2.2");
    const connects = new FakeConnects(loop);
    const task = createTask(() =>
      loop.createConnection(make, "host.example", 80, { happyEyeballsDelay: 0 })
    );
    await until(() => connects.attempts.length === 2);
    const channels = [connects.succeed(0), connects.succeed(1)];
    const [transport] = await task;
    await ticks(3);
    assert.deepEqual(channels.map((channel) => channel.closed), [false, true]);
    transport.close();
  },
);

runs("CONNX-01: a protocol factory that throws closes the connection", async ({ loop }) => {
  const connects = new FakeConnects(loop);
  const task = createTask(() =>
    loop.createConnection(
      (): Recorder => {
        throw new Error("no protocol today");
      },
      "192.0.2.1",
      80,
    )
  );
  await until(() => connects.attempts.length === 1);
  const channel = connects.succeed(0);
  await assert.rejects(async () => await task, /no protocol today/);
  assert.equal(channel.closed, true);
});
