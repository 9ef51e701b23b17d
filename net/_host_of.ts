import { netHost } from "./_host.ts";
import type { NetHost } from "./host.ts";
import type { LoopCore } from "../runtime/_loop_core.ts";

const replaced: WeakMap<LoopCore, NetHost> = new WeakMap();

/** The host that a loop's connections come from: the runtime's, unless a test brought its own. */
export function hostOf(loop: LoopCore): NetHost {
  return replaced.get(loop) ?? netHost;
}

/** For tests of what a runtime seldom does: refuse every address, run out of descriptors. */
export function useHost(loop: LoopCore, host: NetHost): void {
  replaced.set(loop, host);
}
