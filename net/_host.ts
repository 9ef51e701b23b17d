import { shareSmallCopies } from "../runtime/bytes.ts";
import type { NetHost } from "./host.ts";
import { denoHost } from "./host_deno.ts";
import { nodeHost } from "./host_node.ts";

const onDeno = "Deno" in globalThis;

if (onDeno) {
  // Until it is loaded, the first copies have buffers of their own.
  import("node:worker_threads").then(({ markAsUntransferable }) =>
    shareSmallCopies((size) => {
      const buffer = new ArrayBuffer(size);
      markAsUntransferable(buffer);
      return buffer;
    })
  );
}

/** The host of the runtime this is running on. */
export const netHost: NetHost = onDeno ? denoHost : nodeHost;
