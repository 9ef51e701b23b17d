import { shareSmallCopies } from "../../runtime/base/bytes.ts";
import { onDeno } from "../../runtime/base/platform.ts";
import type { NetHost } from "../core/host.ts";
import { denoHost } from "./deno.ts";
import { nodeHost } from "./node.ts";
import { type LoopCore, LoopState } from "../../runtime/core/loop_core.ts";

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

const hosts: LoopState<NetHost> = new LoopState(() => netHost);

/** The host that a loop's connections come from: the runtime's, unless a test brought its own. */
export function hostOf(loop: LoopCore): NetHost {
  return hosts.of(loop);
}

/** For tests of what a runtime seldom does: refuse every address, run out of descriptors. */
export function useHost(loop: LoopCore, host: NetHost): void {
  hosts.set(loop, host);
}
