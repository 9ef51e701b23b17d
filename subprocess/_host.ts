import type { SubprocessHost } from "./host.ts";
import { bunHost } from "./host_bun.ts";
import { denoHost } from "./host_deno.ts";
import { nodeHost } from "./host_node.ts";

const { Deno, Bun } = globalThis as { Deno?: unknown; Bun?: unknown };

/** The host of the runtime that this runs on. */
export const host: SubprocessHost = Deno !== undefined
  ? denoHost
  : Bun !== undefined
  ? bunHost
  : nodeHost;
