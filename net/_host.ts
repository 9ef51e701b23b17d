import type { NetHost } from "./host.ts";
import { denoHost } from "./host_deno.ts";
import { nodeHost } from "./host_node.ts";

/** The host of the runtime this is running on. */
export const netHost: NetHost = "Deno" in globalThis ? denoHost : nodeHost;
