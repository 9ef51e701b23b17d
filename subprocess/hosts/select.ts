import type { RawChild, SubprocessHost } from "../core/host.ts";
import { onBun, onDeno } from "../../runtime/base/platform.ts";
import { bunHost } from "./bun.ts";
import { denoHost } from "./deno.ts";
import { nodeHost } from "./node.ts";
import { accountNumber } from "./accounts.ts";
import type { Call } from "../core/request.ts";

/** The host of the runtime that this runs on. */
export const host: SubprocessHost = onDeno ? denoHost : onBun ? bunHost : nodeHost;

/** Starts a checked call. */
export async function spawn(call: Call): Promise<RawChild> {
  const { join, user, group } = call;
  const request = {
    ...call.request,
    ...(user === null ? {} : { uid: accountNumber("user", user) }),
    ...(group === null ? {} : { gid: accountNumber("group", group) }),
  };
  if (!join) return await host.spawn(request);
  // The shell would tell of a missing program only by an exit code, which the program could have given itself.
  await host.check(request);
  return await host.spawn({
    ...request,
    program: "/bin/sh",
    args: ["-c", JOIN, "sh", request.program, ...request.args],
  });
}

/** The kernel joins the streams, so what is written to both stays in order; `exec` keeps the process the same. */
const JOIN = 'exec "$@" 2>&1';
