import assert from "node:assert/strict";
import { test } from "node:test";
import { run, toThread, transfer } from "../../../mod.ts";
import { runs, workModule } from "../../_support/threads.ts";

const MANY = 2 ** 20;

test("THR-04: a large typed array crosses both borders in its own type, with offset and length", async () => {
  const numbers = new Float64Array(MANY).fill(1.5);
  await run(async () => {
    const back = await toThread(
      (given: Float64Array) => {
        if (!(given instanceof Float64Array)) throw new TypeError(`Not one: ${given}`);
        return given.subarray(2, given.length - 1);
      },
      numbers.subarray(8),
    );
    assert.ok(back instanceof Float64Array);
    assert.deepEqual([back.byteOffset, back.length], [10 * 8, MANY - 11]);
    assert.equal(back.buffer.byteLength, MANY * 8);
    assert.ok(back.every((number) => number === 1.5));
  });
});

test("THR-04: typed arrays of all kinds and views arrive from anywhere in a value as what they are", async () => {
  const buffer = new ArrayBuffer(32);
  const value = {
    list: [new Int8Array([-1]), [new Uint8ClampedArray([300]), new Uint16Array([1, 2])]],
    deep: { more: { numbers: new Float32Array([0.5]), big: new BigInt64Array([-5n]) } },
    map: new Map([["bytes", new Uint8Array([7])]]),
    view: new DataView(buffer, 4, 8),
    none: new Uint32Array(0),
  };
  await run(async () => {
    assert.deepEqual(await toThread((given: typeof value) => given, value), value);
  });
});

test("THR-04: two typed arrays over one buffer still share it, and a value may contain itself", async () => {
  const buffer = new ArrayBuffer(16);
  const value = {
    a: new Uint8Array(buffer),
    b: new Uint16Array(buffer, 4, 2),
    self: null as unknown,
  };
  value.self = value;
  await run(async () => {
    const back = await toThread((given: typeof value) => {
      given.a[4] = 9;
      return Object.assign(given, { seen: given.b[0] });
    }, value);
    assert.equal(back.seen, 9);
    assert.equal(back.self, back);
    assert.equal(back.a.buffer, back.b.buffer);
  });
});

test("THR-04: typed arrays over shared memory see what the other side writes", async () => {
  const shared = new Int32Array(new SharedArrayBuffer(16), 4, 2);
  await run(async () => {
    await toThread((given: { at: Int32Array }) => Atomics.store(given.at, 1, 5), { at: shared });
    assert.equal(shared[1], 5);
  });
});

test("THR-04: a large typed array is moved there and back without a copy left behind", async () => {
  const bytes = new Uint8Array(MANY).fill(2);
  await run(async () => {
    assert.equal(await toThread(workModule.sumBytes, transfer(bytes, [bytes.buffer])), 2 * MANY);
    assert.equal(bytes.byteLength, 0);
    assert.equal((await toThread(workModule.makeBytes, MANY)).byteLength, MANY);
  });
});

runs("THR-04: a function among the arguments takes and gives large typed arrays", async () => {
  const ask = (bytes: Uint8Array): Promise<Uint16Array> =>
    Promise.resolve(Uint16Array.from(bytes, (byte) => byte * 256));
  const sum = await toThread(
    async (ask: (bytes: Uint8Array) => Promise<Uint16Array>, size) => {
      const answer = await ask(new Uint8Array(size).fill(1));
      if (!(answer instanceof Uint16Array)) throw new TypeError(`Not one: ${answer}`);
      return answer.reduce((total, number) => total + number, 0);
    },
    ask,
    2 ** 16,
  );
  assert.equal(sum, 2 ** 16 * 256);
});

runs("THR-04: Node's Buffer arrives as a Uint8Array", async () => {
  const { Buffer } = await import("node:buffer");
  const back = await toThread((given: Uint8Array) => given, Buffer.from("abc"));
  assert.equal(back.constructor, Uint8Array);
  assert.deepEqual([...back], [97, 98, 99]);
});

test("THR-04: a message port that is moved there has the methods of Node's", async () => {
  const { MessageChannel } = await import("node:worker_threads");
  const { port1, port2 } = new MessageChannel();
  await run(async () => {
    const answer = new Promise((resolve) => port1.once("message", resolve));
    port1.postMessage(20);
    const ended = toThread(
      (port: typeof port2) =>
        new Promise<void>((resolve) => {
          port.once("message", (number: number) => {
            port.postMessage(number + 1);
            resolve();
          });
        }),
      transfer(port2, [port2 as unknown as Transferable]),
    );
    assert.equal(await answer, 21);
    await ended;
  });
  port1.close();
});
