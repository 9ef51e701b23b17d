import assert from "node:assert/strict";
import {
  AF_INET,
  BlockingIOError,
  CancelledError,
  createTask,
  type EventLoop,
  gather,
  type NetAddress,
  OSError,
  RuntimeError,
  sleep,
  SOCK_DGRAM,
  Socket,
} from "../../../mod.ts";
import type { NetHost } from "../../../net/core/host.ts";
import { netHost, useHost } from "../../../net/hosts/select.ts";
import { core } from "../../../runtime/core/loop_core.ts";
import { Recorder } from "../../_support/fake_channel.ts";
import { pattern, runs, started, text, ticks, until } from "../../_support/streams.ts";

const any = { hostname: "127.0.0.1", port: 0 };

interface Closable {
  close(): void;
  readonly closed: boolean;
}

/** The runtime's host, which remembers what it has opened. */
function watched(loop: EventLoop): { opened: Closable[]; open(): number } {
  const opened: Closable[] = [];
  const remember = <T extends Closable>(promise: Promise<T>): Promise<T> =>
    promise.then((it) => {
      opened.push(it);
      return it;
    });
  const host: NetHost = {
    ...netHost,
    connect: (target) => {
      const { promise, cancel } = netHost.connect(target);
      return { promise: remember(promise), cancel };
    },
    listenTcp: (options) => remember(netHost.listenTcp(options)),
    openDatagram: (options) => remember(netHost.openDatagram(options)),
  };
  useHost(loop[core], host);
  return { opened, open: () => opened.filter(({ closed }) => !closed).length };
}

function datagrams(): Socket {
  return new Socket(AF_INET, SOCK_DGRAM);
}

/** A socket that listens, and its address. */
async function listener(): Promise<[Socket, NetAddress]> {
  const socket = new Socket();
  await socket.bind(any);
  await socket.listen();
  return [socket, socket.getsockname() as NetAddress];
}

/** Both ends of a connection. */
async function pair(loop: EventLoop): Promise<[Socket, Socket]> {
  const [listening, address] = await listener();
  const client = new Socket();
  const [[server]] = await gather([
    () => loop.sockAccept(listening),
    () => loop.sockConnect(client, address),
  ]);
  listening.close();
  return [client, server];
}

/** Sends until the system takes no more: the other end does not read. */
async function fill(socket: Socket): Promise<void> {
  for (let refused = 0; refused < 20;) {
    try {
      while (socket.send(new Uint8Array(65_536)) > 0) refused = 0;
    } catch (error) {
      if (!(error instanceof BlockingIOError)) throw error;
      refused++;
      await sleep(0.005);
    }
  }
}

/** How each of them ended: "done", or the error's code, or its name. */
async function outcomes(promises: Promise<unknown>[]): Promise<string[]> {
  const settled = await Promise.allSettled(promises);
  return settled.map((each) =>
    each.status === "fulfilled"
      ? "done"
      : each.reason instanceof OSError
      ? each.reason.code
      : each.reason.name
  );
}

runs(
  "SOCKX-04: datagrams sent at once from a fresh socket leave from one port",
  async ({ loop }) => {
    const host = watched(loop);
    const receiving = datagrams();
    await receiving.bind(any);
    const address = receiving.getsockname()!;
    const socket = datagrams();
    const words = ["a", "b", "c", "d"];
    await Promise.all(words.map((word) => loop.sockSendto(socket, word, address)));
    const got: [string, number][] = [];
    for (const _ of words) {
      const [data, from] = await loop.sockRecvfrom(receiving, 9);
      got.push([text(data), (from as NetAddress).port]);
    }
    const { port } = socket.getsockname() as NetAddress;
    assert.deepEqual(got, words.map((word) => [word, port]));
    socket.close();
    receiving.close();
    await ticks(2);
    assert.equal(host.opened.length, 2);
    assert.equal(host.open(), 0);
  },
);

runs("SOCKX-04: of two binds at once the second finds the socket bound", async ({ loop }) => {
  const host = watched(loop);
  for (const socket of [new Socket(), datagrams()]) {
    assert.deepEqual(await outcomes([socket.bind(any), socket.bind(any)]), ["done", "EINVAL"]);
    assert.notEqual(socket.getsockname(), null);
    socket.close();
  }
  assert.equal(host.opened.length, 2);
  assert.equal(host.open(), 0);
});

runs("SOCKX-04: what is sent beside a bind leaves from the port that it gave", async ({ loop }) => {
  const receiving = datagrams();
  await receiving.bind(any);
  const socket = datagrams();
  await Promise.all([socket.bind(any), loop.sockSendto(socket, "x", receiving.getsockname()!)]);
  const [, from] = await loop.sockRecvfrom(receiving, 9);
  assert.deepEqual(from, socket.getsockname());
  socket.close();
  receiving.close();
});

runs("SOCKX-04: who receives beside a bind waits for it", async ({ loop }) => {
  const socket = datagrams();
  const sender = datagrams();
  const binding = socket.bind(any);
  const [receiving] = await started(() => loop.sockRecvfrom(socket, 9));
  await binding;
  await loop.sockSendto(sender, "hello", socket.getsockname()!);
  assert.equal(text((await receiving)[0]), "hello");
  socket.close();
  sender.close();
});

runs("SOCKX-04: a stream that is connecting can't be connected a second time", async ({ loop }) => {
  const host = watched(loop);
  const [listening, address] = await listener();
  const socket = new Socket();
  const both = [loop.sockConnect(socket, address), loop.sockConnect(socket, address)];
  assert.deepEqual(await outcomes(both), ["done", "EALREADY"]);
  assert.deepEqual(await outcomes([loop.sockConnect(socket, address)]), ["EISCONN"]);
  socket.close();
  listening.close();
  assert.equal(host.opened.length, 2);
  assert.equal(host.open(), 0);
});

runs("SOCKX-04: a connect waits for the bind before it, and keeps its port", async ({ loop }) => {
  const [listening, address] = await listener();
  const socket = new Socket();
  const binding = socket.bind(any);
  const connecting = loop.sockConnect(socket, address);
  await binding;
  const { port } = socket.getsockname() as NetAddress;
  await connecting;
  assert.equal((socket.getsockname() as NetAddress).port, port);
  socket.close();
  listening.close();
});

runs(
  "SOCKX-04: a connected socket for datagrams takes another peer and keeps its port",
  async ({ loop }) => {
    const host = watched(loop);
    const [first, second, socket] = [datagrams(), datagrams(), datagrams()];
    for (const each of [first, second]) await each.bind(any);
    const [one, two] = [first.getsockname() as NetAddress, second.getsockname() as NetAddress];
    await Promise.all([loop.sockConnect(socket, one), loop.sockConnect(socket, two)]);
    assert.deepEqual(socket.getpeername(), two);
    socket.send("to the second");
    const [data, from] = await loop.sockRecvfrom(second, 99);
    assert.equal(text(data), "to the second");
    await loop.sockConnect(socket, one);
    await loop.sockSendto(first, "an answer", from);
    assert.equal(text(await loop.sockRecv(socket, 99)), "an answer");
    await assert.rejects(loop.sockSendto(socket, "x", two), { code: "EISCONN" });
    for (const each of [first, second, socket]) each.close();
    assert.equal(host.opened.length, 3);
  },
);

for (
  const [what, fresh, open] of [
    ["bind()", () => new Socket(), (_, socket, to) => socket.bind({ ...to, port: 0 })],
    ["bind() for datagrams", datagrams, (_, socket, to) => socket.bind({ ...to, port: 0 })],
    ["sockConnect()", () => new Socket(), (loop, socket, to) => loop.sockConnect(socket, to)],
    ["sockConnect() for datagrams", datagrams, (loop, socket, to) => loop.sockConnect(socket, to)],
    ["the first sockSendto()", datagrams, (loop, socket, to) => loop.sockSendto(socket, "x", to)],
  ] as [
    string,
    () => Socket,
    (loop: EventLoop, socket: Socket, to: NetAddress) => Promise<unknown>,
  ][]
) {
  runs(
    `SOCKX-05: a close during ${what} ends it, and the socket stays closed`,
    async ({ loop }) => {
      const [listening, address] = await listener();
      const host = watched(loop);
      for (let turns = 0; turns < 6; turns++) {
        const socket = fresh();
        const opening = createTask(() => open(loop, socket, address));
        const beside = createTask(() => open(loop, socket, address));
        await ticks(turns);
        socket.close();
        for (const outcome of await outcomes([opening, beside].map((task) => task.then()))) {
          assert.match(outcome, /^(EBADF|done|EINVAL|EALREADY|EISCONN)$/);
        }
        assert.equal(socket.closed, true);
        assert.equal(socket.getsockname(), null);
        await assert.rejects(open(loop, socket, address), { name: "OSError", code: "EBADF" });
      }
      await until(() => host.open() === 0);
      listening.close();
    },
  );

  runs(`SOCKX-05: a cancelled ${what} leaves a socket that can be opened`, async ({ loop }) => {
    const [listening, address] = await listener();
    const host = watched(loop);
    for (let turns = 0; turns < 6; turns++) {
      const socket = fresh();
      const opening = createTask(() => open(loop, socket, address));
      const behind = createTask(() => open(loop, socket, address));
      await ticks(turns);
      const early = opening.cancel();
      behind.cancel();
      const ends = await outcomes([opening, behind].map((task) => task.then()));
      if (early) assert.equal(ends[0], "CancelledError");
      if (socket.getsockname() === null) await open(loop, socket, address);
      socket.close();
    }
    await until(() => host.open() === 0);
    listening.close();
  });
}

runs("SOCKX-05: a close ends the wait for a name", async ({ loop }) => {
  loop.getaddrinfo = () => new Promise(() => {});
  const named = { hostname: "slow.example.org", port: 9 };
  for (const socket of [new Socket(), datagrams()]) {
    const [binding] = await started(() => socket.bind(named));
    socket.close();
    await assert.rejects(async () => await binding, { name: "OSError", code: "EBADF" });
  }
  for (const socket of [new Socket(), datagrams()]) {
    await socket.bind(any);
    const [connecting] = await started(() => loop.sockConnect(socket, named));
    socket.close();
    await assert.rejects(async () => await connecting, { name: "OSError", code: "EBADF" });
  }
});

runs("SOCKX-05: a bind to a name looks the name up, and can be cancelled", async ({ loop }) => {
  const asked: unknown[] = [];
  loop.getaddrinfo = (...args) => {
    asked.push(args);
    return Promise.resolve([{
      family: 4 as const,
      address: { transport: "tcp" as const, hostname: "127.0.0.1", port: 0 },
    }]);
  };
  const socket = new Socket();
  await socket.bind({ hostname: "here.example.org", port: 0 });
  assert.equal((socket.getsockname() as NetAddress).hostname, "127.0.0.1");
  assert.equal(asked.length, 1);
  socket.close();
  loop.getaddrinfo = () => new Promise(() => {});
  const other = new Socket();
  const [task] = await started(() => other.bind({ hostname: "slow.example.org", port: 0 }));
  task.cancel();
  await assert.rejects(async () => await task, CancelledError);
  await other.bind(any);
  other.close();
});

runs("SOCKX-05: a connect that finds no name leaves the socket bound", async ({ loop }) => {
  loop.getaddrinfo = () => Promise.reject(new OSError("no such name", { code: "ENOTFOUND" }));
  const socket = new Socket();
  await socket.bind(any);
  const address = socket.getsockname();
  const named = { hostname: "gone.example.org", port: 9 };
  await assert.rejects(loop.sockConnect(socket, named), { code: "ENOTFOUND" });
  assert.deepEqual(socket.getsockname(), address);
  await socket.listen();
  socket.close();
});

runs("SOCKX-06: a close wakes all who wait for the socket, with EBADF", async ({ loop }) => {
  const [listening] = await listener();
  const [client, server] = await pair(loop);
  const bound = datagrams();
  await bound.bind(any);
  const big = new Uint8Array(30_000_000);
  const waiting = [
    createTask(() => loop.sockAccept(listening)),
    createTask(() => loop.sockAccept(listening)),
    createTask(() => loop.sockRecv(client, 1)),
    createTask(() => loop.sockRecvInto(client, new Uint8Array(1))),
    createTask(() => loop.sockSendall(client, big)),
    createTask(() => loop.sockSendall(client, big)),
    createTask(() => loop.sockSendfile(client, new Blob([big]))),
    createTask(() => loop.sockRecvfrom(bound, 1)),
    createTask(() => loop.sockRecvfromInto(bound, new Uint8Array(1))),
  ];
  await ticks(5);
  assert.deepEqual(waiting.map((task) => task.done()), waiting.map(() => false));
  for (const socket of [client, bound, listening]) socket.close();
  const ends = await outcomes(waiting.map((task) => task.then()));
  assert.deepEqual(ends, waiting.map(() => "EBADF"));
  server.close();
});

runs(
  "SOCKX-06: who waits for a socket that a transport takes over is told so",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    const [receiving] = await started(() => loop.sockRecv(client, 1));
    const [transport] = await loop.createConnection(() => new Recorder(), null, null, {
      sock: client,
    });
    await assert.rejects(async () => await receiving, RuntimeError);
    transport.close();
    server.close();
  },
);

runs(
  "SOCKX-06: a socket is taken over once, and stays one when that is cancelled",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    await fill(client);
    const sending = createTask(() => loop.sockSendall(client, new Uint8Array(30_000_000)));
    await ticks(3);
    const take = () => loop.createConnection(() => new Recorder(), null, null, { sock: client });
    const [first] = await started(take);
    await assert.rejects(take(), RuntimeError);
    await assert.rejects(async () => await sending, RuntimeError);
    first.cancel();
    await assert.rejects(async () => await first, CancelledError);
    await loop.sockSendall(server, "hi");
    assert.equal(text(await loop.sockRecv(client, 9)), "hi");
    client.close();
    server.close();
  },
);

runs("SOCKX-07: messages sent at once arrive whole, one after the other", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const messages = [1, 2, 3, 4].map((byte) => new Uint8Array(700_000).fill(byte));
  const [first, second, third, fourth] = messages as [
    Uint8Array,
    Uint8Array,
    Uint8Array<ArrayBuffer>,
    Uint8Array,
  ];
  const sending = Promise.all([
    loop.sockSendall(client, first),
    loop.sockSendall(client, second),
    loop.sockSendfile(client, new Blob([third])),
    loop.sockSendall(client, fourth),
  ]).then(() => client.close());
  const got: number[] = [];
  for (let total = 0;;) {
    const chunk = await loop.sockRecv(server, 1 << 20);
    if (chunk.length === 0) {
      assert.equal(total, 2_800_000);
      break;
    }
    total += chunk.length;
    for (let i = 0; i < chunk.length; i++) if (chunk[i] !== got.at(-1)) got.push(chunk[i]!);
  }
  await sending;
  assert.deepEqual(got, [1, 2, 3, 4]);
  server.close();
});

runs(
  "SOCKX-07: one that is cancelled while it waits for its turn sends nothing",
  async ({ loop }) => {
    const [client, server] = await pair(loop);
    const first = createTask(() => loop.sockSendall(client, pattern(5_000_000)));
    const second = createTask(() => loop.sockSendall(client, "never"));
    const third = createTask(() => loop.sockSendall(client, "the end"));
    await ticks(3);
    second.cancel();
    const chunks: Uint8Array[] = [];
    const closing = Promise.all([first, third].map((task) => task.then())).then(() =>
      client.close()
    );
    for (let chunk; (chunk = await loop.sockRecv(server, 1 << 20)).length > 0;) chunks.push(chunk);
    await closing;
    await assert.rejects(async () => await second, CancelledError);
    const all = Buffer.concat(chunks);
    assert.equal(all.length, 5_000_007);
    assert.equal(text(all.subarray(-7)), "the end");
    server.close();
  },
);

runs("SOCKX-07: send() beside a message under way is refused", async ({ loop }) => {
  const [client, server] = await pair(loop);
  const [sending] = await started(() => loop.sockSendall(client, new Uint8Array(30_000_000)));
  assert.throws(() => client.send("x"), { name: "BlockingIOError", code: "EAGAIN" });
  client.close();
  await assert.rejects(async () => await sending, { code: "EBADF" });
  server.close();
});

runs("SOCKX-08: of several that receive at once each gets what comes for it", async ({ loop }) => {
  const [client, server] = await pair(loop);
  await loop.sockSendall(server, "ab");
  assert.equal(text(await loop.sockRecv(client, 1)), "a");
  // The next byte is there already: the first one takes it, and the others wait.
  const three = [1, 2, 3].map(() => createTask(() => loop.sockRecv(client, 1)));
  await loop.sockSendall(server, "cd");
  const got = await Promise.all(three.map((task) => task.then(text)));
  assert.equal(got.join(""), "bcd");
  client.close();
  server.close();
});

runs("SOCKX-08: of several that accept at once each gets a connection", async ({ loop }) => {
  const [listening, address] = await listener();
  const accepting = [1, 2, 3].map(() => createTask(() => loop.sockAccept(listening)));
  const clients = [1, 2, 3].map(() => new Socket());
  for (const client of clients) await loop.sockConnect(client, address);
  const accepted = await Promise.all(accepting.map((task) => task.then()));
  const ports = accepted.map(([, from]) => (from as NetAddress).port).sort();
  assert.deepEqual(ports, clients.map((one) => (one.getsockname() as NetAddress).port).sort());
  for (const socket of [...clients, ...accepted.map(([one]) => one), listening]) socket.close();
});

runs("SOCKX-09: datagrams of one socket leave in order, also before a close", async ({ loop }) => {
  const receiving = datagrams();
  await receiving.bind(any);
  const address = receiving.getsockname() as NetAddress;
  const [sender, connected] = [datagrams(), datagrams()];
  await loop.sockConnect(connected, address);
  const wanted = Array.from({ length: 40 }, (_, index) => `datagram ${index}`);
  const sending = wanted.slice(0, 20).map((each) => loop.sockSendto(sender, each, address));
  await Promise.all(sending);
  for (const each of wanted.slice(20)) connected.send(each);
  sender.close();
  connected.close();
  const got: string[] = [];
  for (const _ of wanted) got.push(text((await loop.sockRecvfrom(receiving, 99))[0]));
  assert.deepEqual(got, wanted);
  receiving.close();
});

runs("SOCK-06: sockRecvfromInto() fills a buffer, or the beginning of it", async ({ loop }) => {
  const [first, second] = [datagrams(), datagrams()];
  for (const each of [first, second]) await each.bind(any);
  const buffer = new Uint8Array(8).fill(46);
  await loop.sockSendto(first, "hello, world", second.getsockname()!);
  const [count, from] = await loop.sockRecvfromInto(second, buffer);
  assert.equal(text(buffer), "hello, w");
  assert.deepEqual([count, from], [8, first.getsockname()]);
  await loop.sockSendto(first, "HELLO", second.getsockname()!);
  assert.equal((await loop.sockRecvfromInto(second, buffer, 2))[0], 2);
  assert.equal(text(buffer), "HEllo, w");
  await assert.rejects(loop.sockRecvfromInto(second, buffer, 9), RangeError);
  await assert.rejects(loop.sockRecvfromInto(second, buffer, -1), RangeError);
  await assert.rejects(loop.sockRecvfromInto(second, "x" as unknown as Uint8Array), TypeError);
  first.close();
  second.close();
});
