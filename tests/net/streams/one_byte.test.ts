// Peers that send byte by byte: what is held for them stays in proportion to their bytes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { run, StreamReader } from "../../../mod.ts";
import { ByteQueue } from "../../../net/core/byte_queue.ts";
import type { Done, RawWritable } from "../../../net/core/host.ts";
import { ReadGate } from "../../../net/channels/gates.ts";
import { WriteQueue } from "../../../net/core/write_queue.ts";
import { heldMegabytes } from "../../_support/memory.ts";
import { chance, pattern, Recorder } from "../../_support/net_hosts.ts";

/** Twice the default limit, at which reading pauses. */
const COUNT = 128 * 1024;
/** An array for each byte would take 9 (Bun) to 60 times as much. */
const MOST_MEGABYTES = 1;

const all = pattern(COUNT);

function held<T>(make: () => T, most = MOST_MEGABYTES): T {
  // What the engine allocates with the first one and keeps does not count.
  make();
  const before = heldMegabytes();
  const made = make();
  const growth = heldMegabytes() - before;
  assert.ok(growth < most, `${growth} MB are held`);
  return made;
}

test("SR-25: a reader that holds twice its limit byte by byte takes little more memory", () =>
  run(async () => {
    const reader = held(() => {
      const reader = new StreamReader();
      for (let at = 0; at < COUNT; at++) reader.feedData(all.subarray(at, at + 1));
      return reader;
    });
    reader.feedEof();
    assert.deepEqual(await reader.read(), all);
  }));

test("TR-05: a queue of single bytes to a peer that does not read takes little more memory", () => {
  const written: Uint8Array[] = [];
  let done: Done | null = null;
  const channel = {
    write(chunk: Uint8Array, told: Done): boolean {
      written.push(chunk);
      done = told;
      return false;
    },
  } as unknown as RawWritable;
  const queue = held(() => {
    written.length = 0;
    const queue = new WriteQueue(channel, { wrote() {}, writeFailed: assert.fail });
    for (let at = 0; at < COUNT; at++) queue.write(all.slice(at, at + 1));
    return queue;
  });
  while (queue.size > 0) done!(null);
  const got = new Uint8Array(COUNT);
  let at = 0;
  for (const chunk of written) {
    got.set(chunk, at);
    at += chunk.length;
  }
  assert.deepEqual([at, got], [COUNT, all]);
});

test("TR-05: single bytes that arrive while reading is paused take little more memory", async () => {
  const gate = held(() => {
    const gate = new ReadGate(() => {});
    for (let at = 0; at < COUNT; at++) gate.data(all.slice(at, at + 1));
    return gate;
  });
  const recorder = new Recorder();
  gate.start(recorder);
  await recorder.received(COUNT);
  assert.deepEqual(recorder.all(), all);
});

test("SR-25: small pieces of large buffers do not keep those once many wait", () => {
  const queue = held(() => {
    const queue = new ByteQueue();
    // Each brings 16 KiB of memory along, all of them 32 MB.
    for (let piece = 0; piece < 2000; piece++) {
      queue.push(new Uint8Array(16 * 1024).subarray(0, piece % 2 === 0 ? 40 : 1100));
    }
    return queue;
  }, 6);
  assert.equal(queue.length, 1000 * 1140);
});

for (let seed = 1; seed <= 20; seed++) {
  test(`SR-01: chunks of any size in and takes of any size out, nothing lost or changed (${seed})`, () => {
    const random = chance(seed);
    const queue = new ByteQueue();
    const total = 30_000;
    const source = pattern(total);
    let [pushed, taken] = [0, 0];
    const given: [chunk: Uint8Array, from: number][] = [];
    while (taken < total) {
      if (pushed < total && random() < 0.9) {
        const size = random() < 0.95 ? 1 + Math.floor(random() * 20) : Math.floor(random() * 3000);
        const chunk = source.slice(pushed, pushed + size);
        if (chunk.length > 0) queue.push(chunk);
        pushed += chunk.length;
      } else if (queue.length > 0) {
        const wanted = source.subarray(taken, pushed);
        const from = Math.floor(random() * queue.length);
        const needle = wanted.slice(from, from + 1 + Math.floor(random() * 8));
        const found = indexOf(wanted, needle, 0);
        assert.equal(queue.find(needle, 0), found);
        assert.ok(queue.startsWith(needle, from));
        const most = random() < 0.3 ? queue.length : Math.min(queue.length, 200);
        const count = 1 + Math.floor(random() * most);
        const how = random();
        if (how < 0.1) queue.drop(Math.min(count, queue.length));
        else {
          const size = Math.min(count, queue.length);
          const line = how < 0.5;
          let chunk = line ? queue.takeLine(size) : queue.take(size);
          // As a program does that gives it to a worker.
          if (!line && random() < 0.3) {
            chunk = structuredClone(chunk, { transfer: [chunk.buffer as ArrayBuffer] });
          }
          given.push([chunk, taken]);
        }
        taken += Math.min(count, pushed - taken);
      }
      assert.equal(queue.length, pushed - taken);
    }
    // What was taken is the taker's own, whatever came later, and so is its buffer, but for lines.
    for (const [chunk, from] of given) {
      assert.deepEqual(chunk.slice(), source.slice(from, from + chunk.length));
    }
  });
}

function indexOf(bytes: Uint8Array, needle: Uint8Array, from: number): number {
  for (let at = from; at + needle.length <= bytes.length; at++) {
    if (needle.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return -1;
}
