import type { LookupAddress } from "node:dns";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { builtin } from "../../runtime/base/platform.ts";
import type { ResolvedAddress } from "../core/host.ts";

/** The system's resolver, as every runtime has it. Nothing can call a lookup off. */
export async function lookupName(name: string, family: 0 | 4 | 6): Promise<ResolvedAddress[]> {
  const found = await new Promise<LookupAddress[]>((done, fail) => {
    builtin("node:dns").lookup(name, { all: true, family }, (error, all) => {
      if (error === null) done(all);
      else fail(toOSError(error, "getaddrinfo", name));
    });
  });
  return found.map(({ address, family }) => ({ hostname: address, family: family === 6 ? 6 : 4 }));
}

/** The names of an address and a port. */
export function lookupService(
  hostname: string,
  port: number,
): Promise<[host: string, service: string]> {
  return new Promise((resolve, reject) => {
    builtin("node:dns").lookupService(hostname, port, (error, host, service) => {
      if (error === null) resolve([host, service]);
      else reject(toOSError(error, "getnameinfo", hostname));
    });
  });
}
