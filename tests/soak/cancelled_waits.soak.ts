// Cancels every kind of wait, in every way that takes one, at random moments, thousands of times: nothing that was waited for
// may be lost or given twice, and memory and descriptors stay as they are.
//   deno test -A tests/soak/cancelled_waits.soak.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  CancelledError,
  Condition,
  createTask,
  ensureFuture,
  Event,
  Future,
  gather,
  getRunningLoop,
  Lock,
  type NetAddress,
  openConnection,
  Queue,
  run,
  Semaphore,
  shield,
  sleep,
  SOCK_DGRAM,
  Socket,
  startServer,
  type StreamReader,
  type StreamWriter,
  ThreadPoolExecutor,
  timeout,
  TimeoutError,
  toThread,
  wait,
  waitFor,
} from "../../mod.ts";
import { until } from "../_support/streams.ts";
import { openDescriptors } from "../_support/processes.ts";
import { settledMegabytes } from "../_support/memory.ts";

/** Numbers that look random and are the same in each run. */
let seed = 20_261_130;
function random(below: number): number {
  seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor(seed / 2_147_483_648 * below);
}

type Begin = () => PromiseLike<unknown>;

/** What a taken wait came to: its value, or that the cancellation won. */
type Outcome = { readonly value: unknown } | "cancelled";

async function outcomeOf(taken: PromiseLike<unknown>): Promise<Outcome> {
  try {
    return { value: await taken };
  } catch (error) {
    if (error instanceof CancelledError || error instanceof TimeoutError) return "cancelled";
    throw error;
  }
}

async function pass(iterations: number): Promise<void> {
  for (let i = 0; i < iterations; i++) await sleep(0);
}

/** Each way to take a wait and to give it up. They begin at once and give up after some iterations of the loop. */
const takers: Record<string, (begin: Begin) => Promise<Outcome>> = {
  async "task.cancel()"(begin) {
    const task = createTask(begin);
    await pass(random(5));
    task.cancel();
    return await outcomeOf(task);
  },
  async "ensureFuture(promise)"(begin) {
    const future = ensureFuture(begin());
    await pass(random(5));
    future.cancel();
    return await outcomeOf(future);
  },
  async "gather([promise])"(begin) {
    const promise = begin();
    const all = gather([promise, sleep(60)]);
    await pass(random(5));
    all.cancel();
    await outcomeOf(all);
    // A cancelled gather keeps to itself what it had got by then; the promise tells it.
    return await outcomeOf(promise);
  },
  async "waitFor(promise)"(begin) {
    return await outcomeOf(waitFor(begin(), random(3) / 1000));
  },
  async "waitFor(function)"(begin) {
    return await outcomeOf(waitFor(begin, random(3) / 1000));
  },
  async "timeout().with()"(begin) {
    return await outcomeOf(timeout(random(3) / 1000).with(begin));
  },
};

/** A kind of wait: `attempt` lets one taker have a go at it, and checks that nothing is lost. */
interface Kind {
  readonly name: string;
  attempt(take: (begin: Begin) => Promise<Outcome>): Promise<void>;
  close?(): Promise<void> | void;
}

/** Runs something after some iterations of the loop, beside the attempt. */
function soon(work: () => void): PromiseLike<void> {
  return createTask(async () => {
    await pass(random(5));
    work();
  });
}

function queueGet(): Kind {
  const queue = new Queue<number>();
  let next = 0;
  return {
    name: "queue.get()",
    async attempt(take) {
      const item = next++;
      const put = soon(() => queue.putNowait(item));
      const outcome = await take(() => queue.get());
      await put;
      if (outcome === "cancelled") assert.equal(queue.getNowait(), item);
      else assert.equal(outcome.value, item);
      assert.equal(queue.qsize(), 0);
    },
  };
}

function queuePut(): Kind {
  const queue = new Queue<number>(1);
  return {
    name: "queue.put()",
    async attempt(take) {
      queue.putNowait(1);
      const got = soon(() => assert.equal(queue.getNowait(), 1));
      const outcome = await take(() => queue.put(2));
      await got;
      if (outcome !== "cancelled") assert.equal(queue.getNowait(), 2);
      assert.equal(queue.qsize(), 0);
    },
  };
}

function locks(): Kind[] {
  const lock = new Lock();
  const semaphore = new Semaphore(1);
  return [{
    name: "lock.acquire()",
    async attempt(take) {
      await lock.acquire();
      const freed = soon(() => lock.release());
      const outcome = await take(() => lock.acquire());
      await freed;
      if (outcome !== "cancelled") lock.release();
      await pass(3);
      assert.equal(lock.locked(), false);
    },
  }, {
    name: "semaphore.acquire()",
    async attempt(take) {
      await semaphore.acquire();
      const freed = soon(() => semaphore.release());
      const outcome = await take(() => semaphore.acquire());
      await freed;
      if (outcome !== "cancelled") semaphore.release();
      await pass(3);
      assert.equal(semaphore.locked(), false);
    },
  }, {
    name: "condition.wait()",
    async attempt(take) {
      const condition = new Condition(lock);
      const notified = createTask(async () => {
        await pass(random(5));
        await condition.with(() => condition.notify());
      });
      await take(() => condition.with(() => condition.wait()));
      await notified;
      await pass(3);
      assert.equal(lock.locked(), false);
    },
  }];
}

function signals(): Kind[] {
  return [{
    name: "event.wait()",
    async attempt(take) {
      const event = new Event();
      const set = soon(() => event.set());
      await take(() => event.wait());
      await set;
      assert.equal(event.isSet(), true);
    },
  }, {
    name: "shield(future)",
    async attempt(take) {
      const future = new Future<number>();
      const set = soon(() => future.setResult(7));
      await take(() => shield(future));
      await set;
      assert.equal(await future, 7);
    },
  }, {
    name: "wait([future])",
    async attempt(take) {
      const future = new Future<number>();
      const set = soon(() => future.setResult(7));
      await take(() => wait([future]));
      await set;
      assert.equal(await future, 7);
    },
  }, {
    name: "sleep()",
    attempt: async (take) => {
      await take(() => sleep(random(3) / 1000));
    },
  }];
}

async function streams(): Promise<Kind[]> {
  const accepted = new Queue<[StreamReader, StreamWriter]>();
  const server = await startServer(
    (reader, writer) => accepted.putNowait([reader, writer]),
    "127.0.0.1",
    0,
  );
  const { port } = server.sockets[0]!.getsockname() as NetAddress;
  const [reader, writer] = await openConnection("127.0.0.1", port);
  const [peerReader, peerWriter] = await accepted.get();
  let next = 0;
  const line = (text: unknown): string => new TextDecoder().decode(text as Uint8Array).trim();
  const reading = (name: string, read: (size: number) => PromiseLike<unknown>): Kind => ({
    name,
    async attempt(take) {
      const text = `line ${next++}`;
      const sent = soon(() => peerWriter.write(`${text}\n`));
      const outcome = await take(() => read(text.length + 1));
      await sent;
      const got = outcome === "cancelled" ? await reader.readline() : outcome.value;
      assert.equal(line(got), text);
    },
  });
  return [
    reading("reader.readline()", () => reader.readline()),
    reading("reader.readexactly()", (size) => reader.readexactly(size)),
    reading("reader.readuntil()", () => reader.readuntil("\n")),
    {
      name: "writer.drain()",
      async attempt(take) {
        const size = 300_000;
        writer.write(new Uint8Array(size));
        const outcome = take(() => writer.drain());
        await peerReader.readexactly(size);
        await outcome;
      },
    },
    {
      name: "openConnection()",
      async attempt(take) {
        const outcome = await take(() => openConnection("127.0.0.1", port));
        if (outcome !== "cancelled") {
          const [, ours] = outcome.value as [StreamReader, StreamWriter];
          ours.close();
        }
        // A connection that was made although its taker went is closed at this end.
        await pass(3);
        while (!accepted.empty()) accepted.getNowait()[1].transport.abort();
      },
      async close() {
        writer.close();
        peerWriter.close();
        server.close();
        server.abortClients();
        await server.waitClosed();
        while (!accepted.empty()) accepted.getNowait()[1].transport.abort();
      },
    },
  ];
}

async function sockets(): Promise<Kind[]> {
  const loop = getRunningLoop();
  const any = { hostname: "127.0.0.1", port: 0 };
  const receiver = new Socket(AF_INET, SOCK_DGRAM);
  const sender = new Socket(AF_INET, SOCK_DGRAM);
  const listener = new Socket();
  await receiver.bind(any);
  await sender.bind(any);
  await listener.bind(any);
  await listener.listen();
  let next = 0;
  return [{
    name: "sockRecvfrom()",
    async attempt(take) {
      const text = `message ${next++}`;
      const sent = createTask(() => loop.sockSendto(sender, text, receiver.getsockname()!));
      const outcome = await take(() => loop.sockRecvfrom(receiver, 100));
      await sent;
      const got = outcome === "cancelled" ? await loop.sockRecvfrom(receiver, 100) : outcome.value;
      assert.equal(new TextDecoder().decode((got as [Uint8Array, unknown])[0]), text);
    },
  }, {
    name: "sockAccept()",
    async attempt(take) {
      const client = new Socket();
      const connected = createTask(() => loop.sockConnect(client, listener.getsockname()!));
      const outcome = await take(() => loop.sockAccept(listener));
      await connected;
      const got = outcome === "cancelled" ? await loop.sockAccept(listener) : outcome.value;
      (got as [Socket, unknown])[0].close();
      client.close();
    },
  }, {
    name: "getaddrinfo()",
    async attempt(take) {
      await take(() => loop.getaddrinfo("localhost", 80));
    },
    close() {
      for (const socket of [receiver, sender, listener]) socket.close();
    },
  }];
}

function threads(): Kind {
  // No more workers, each with descriptors of its own, than the first rounds start.
  getRunningLoop().setDefaultExecutor(new ThreadPoolExecutor({ maxWorkers: 2 }));
  let ran = 0;
  return {
    name: "toThread()",
    async attempt(take) {
      const outcome = await take(() => toThread((x: number) => x + 1, ran));
      if (outcome !== "cancelled") assert.equal(outcome.value, ran + 1);
      ran++;
    },
  };
}

async function attemptAll(kinds: readonly Kind[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const kind of kinds) {
      for (const [name, take] of Object.entries(takers)) {
        try {
          // What is lost shows as a hang: ten seconds are more than any attempt needs.
          await timeout(10).with(() => kind.attempt(take));
        } catch (error) {
          throw new Error(`${kind.name} taken by ${name}, round ${round}`, { cause: error });
        }
      }
    }
  }
}

test("CANCEL every wait, in every way, at any moment: nothing is lost and nothing grows", {
  timeout: 300_000,
}, async () => {
  await run(async () => {
    const reports: unknown[] = [];
    getRunningLoop().setExceptionHandler((_, context) => reports.push(context));
    const kinds = [
      queueGet(),
      queuePut(),
      ...locks(),
      ...signals(),
      ...await streams(),
      ...await sockets(),
      threads(),
    ];
    await attemptAll(kinds, 60);
    const megabytes = await settledMegabytes();
    const descriptors = openDescriptors();
    await attemptAll(kinds, 240);
    await until(() => openDescriptors() <= descriptors + 2);
    const growth = await settledMegabytes() - megabytes;
    console.log(`left over: ${growth.toFixed(1)} MB`);
    assert.ok(growth < 3, `${growth} MB are left over`);
    for (const kind of kinds) await kind.close?.();
    assert.deepEqual(reports, []);
  });
});
