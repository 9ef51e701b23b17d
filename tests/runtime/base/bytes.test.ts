import assert from "node:assert/strict";
import { test } from "node:test";
import { type BytesLike, concatBytes, toBytes } from "../../../runtime/base/bytes.ts";

test("BYTES-01: a Uint8Array is taken as it is, a string as UTF-8", () => {
  const bytes = new Uint8Array([1, 2]);
  assert.equal(toBytes(bytes, "data"), bytes);
  assert.deepEqual(Array.from(toBytes("é", "data")), [0xc3, 0xa9]);
});

test("BYTES-02: anything else is a TypeError that names what and its type", () => {
  const wrong: [unknown, RegExp][] = [
    [5, /Cannot take the separator as bytes.*received a number$/],
    [null, /received null$/],
    [[1, 2], /received an array$/],
    [new ArrayBuffer(2), /an instance of ArrayBuffer; wrap its memory in a new Uint8Array$/],
    [new DataView(new ArrayBuffer(2)), /an instance of DataView; wrap/],
    [new Uint16Array(2), /an instance of Uint16Array; wrap/],
    [Object.create(null), /received an object$/],
  ];
  for (const [value, message] of wrong) {
    assert.throws(() => toBytes(value as BytesLike, "the separator"), {
      name: "TypeError",
      message,
    });
  }
});

test("BYTES-03: chunks are joined in order; a single one is not copied", () => {
  const [a, b] = [new Uint8Array([1, 2]), new Uint8Array([3])];
  assert.deepEqual(Array.from(concatBytes([a, b])), [1, 2, 3]);
  assert.deepEqual(Array.from(concatBytes([a, b], 3)), [1, 2, 3]);
  assert.equal(concatBytes([a]), a);
  assert.equal(concatBytes([]).byteLength, 0);
});
