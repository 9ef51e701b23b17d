import assert from "node:assert/strict";
import { cutConversations } from "../../_support/cutting.ts";
import { runs } from "../../_support/streams.ts";

// A thousand of them are in tests/soak.
runs(
  "CUT-01: through a proxy that splits, delays and cuts at random nothing hangs and no byte changes",
  async () => {
    assert.ok(await cutConversations(100) > 20);
  },
);
