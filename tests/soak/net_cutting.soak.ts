// What takes too long for every run: a thousand conversations that are cut at random.
//   deno test -A tests/soak/net_cutting.soak.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../../mod.ts";
import { cutConversations } from "../_support/cutting.ts";

test("CUT-01: a thousand conversations, split, delayed and cut at random", {
  timeout: 300_000,
}, () =>
  run(async () => {
    assert.ok(await cutConversations(1000) > 250);
  }));
