// mod.ts lists what five rooms export, as their own mod.ts files would be modules that every program loads.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as everything from "../../mod.ts";
import * as iteration from "../../iteration/mod.ts";
import * as net from "../../net/mod.ts";
import * as queues from "../../queues/mod.ts";
import * as runtime from "../../runtime/mod.ts";
import * as subprocess from "../../subprocess/mod.ts";
import * as sync from "../../sync/mod.ts";

const rooms = { iteration, net, queues, runtime, subprocess, sync };

for (const [room, exported] of Object.entries(rooms)) {
  test(`exports: mod.ts has all values of ${room}/mod.ts`, () => {
    const main = everything as Record<string, unknown>;
    const other = Object.entries(exported).filter(([name, value]) => main[name] !== value);
    assert.deepEqual(other.map(([name]) => name), []);
  });
}
