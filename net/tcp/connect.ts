import type { EventLoop } from "../../loop_interface.ts";
import { ExceptionGroup, OSError } from "../../runtime/errors/exceptions.ts";
import { staggeredRace } from "../../runtime/combinators/staggered.ts";
import { describeAddress, ipFamily, type NetAddress, SOCK_STREAM } from "../core/addresses.ts";
import { notAnAddress } from "../core/arguments.ts";
import type { RawChannel } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { waitForOperation } from "../core/operations.ts";
import { core } from "../../runtime/core/loop_core.ts";
import type { ConnectOptions } from "../core/options.ts";
import { interleave, resolve } from "../names/resolve.ts";

/** RFC 8305's recommended time between two attempts, in seconds. */
const CONNECTION_ATTEMPT_DELAY = 0.25;

/**
 * Codes of a failed bind, which a runtime that binds and connects in one call reports as the failure
 * of both.
 */
const BIND_CODES: ReadonlySet<string> = new Set(["EADDRINUSE", "EADDRNOTAVAIL", "EACCES"]);

/**
 * Connects to the first address of a host that answers.
 *
 * @throws {OSError} the error of the only address; with several addresses one that names each
 * address's failure
 */
export async function connectTcp(
  loop: EventLoop,
  host: string | null,
  port: number | null,
  options: ConnectOptions,
): Promise<RawChannel> {
  const family = options.family ?? 0;
  const found = await resolve(loop, host, port, family, SOCK_STREAM, options);
  if (found.length === 0) throw nothingFound();
  const locals = await resolveLocal(loop, options);
  const delay = options.happyEyeballsDelay === undefined
    ? CONNECTION_ATTEMPT_DELAY
    : options.happyEyeballsDelay;
  const first = options.interleave ?? (delay === null ? 0 : 1);
  const addresses = first > 0 ? interleave(found, first) : found;

  const errors: OSError[] = [];
  const attempt = async (address: NetAddress): Promise<RawChannel> => {
    try {
      return await connectTo(loop, address, locals);
    } catch (error) {
      if (error instanceof OSError) errors.push(error);
      throw error;
    }
  };
  if (delay === null || addresses.length === 1) {
    for (const address of addresses) {
      try {
        return await attempt(address);
      } catch (error) {
        if (!(error instanceof OSError)) throw error;
      }
    }
  } else {
    const attempts = addresses.map((address) => () => attempt(address));
    const [channel, , outcomes] = await staggeredRace(
      loop,
      attempts,
      delay,
      (late) => late.close(),
    );
    if (channel !== null) return channel;
    const other = outcomes.find((outcome) => !(outcome instanceof OSError));
    if (other !== undefined) throw other;
  }
  throw combine(errors);
}

async function resolveLocal(
  loop: EventLoop,
  options: ConnectOptions,
): Promise<NetAddress[] | null> {
  const { localAddr, family = 0 } = options;
  if (localAddr === undefined) return null;
  if (typeof localAddr?.hostname !== "string") throw notAnAddress(localAddr);
  const { hostname, port = 0 } = localAddr;
  const found = await resolve(loop, hostname, port, family, SOCK_STREAM, options);
  if (found.length === 0) throw nothingFound();
  return found;
}

/** Connects from the first local address of the same family that can be bound. */
async function connectTo(
  loop: EventLoop,
  address: NetAddress,
  locals: readonly NetAddress[] | null,
): Promise<RawChannel> {
  const { hostname, port } = address;
  const what = `a connection to ${describeAddress(address)}`;
  const inner = loop[core];
  const host = hostOf(inner);
  if (locals === null) return await waitForOperation(inner, host.connect({ hostname, port }), what);
  const family = ipFamily(hostname);
  let failed: OSError | null = null;
  for (const localAddr of locals) {
    if (ipFamily(localAddr.hostname) !== family) continue;
    try {
      return await waitForOperation(inner, host.connect({ hostname, port, localAddr }), what);
    } catch (error) {
      if (!(error instanceof OSError) || !BIND_CODES.has(error.code)) throw error;
      failed = bindError(localAddr, error);
    }
  }
  throw failed ?? new OSError(`no matching local address with family=${family} found`);
}

/** The error of a failed bind, which names the address. */
export function bindError(address: NetAddress | { path: string }, error: OSError): OSError {
  return remade(
    error,
    `error while attempting to bind on address ${describeAddress(address)}: ${error.message}`,
  );
}

/** What to throw when no address answered (CONN-04). */
function combine(errors: readonly OSError[]): OSError {
  const first = errors[0]!;
  if (errors.every((error) => error.message === first.message)) return first;
  const message = `Multiple exceptions: ${errors.map((error) => error.message).join(", ")}`;
  const cause = new ExceptionGroup("createConnection failed", errors);
  const sameCode = errors.every((error) => error.code === first.code);
  return sameCode ? remade(first, message, cause) : new OSError(message, { cause });
}

/** The same error of the system with another text. */
function remade(error: OSError, message: string, cause: unknown = error): OSError {
  const { code, errno, syscall } = error;
  const constructor = error.constructor as typeof OSError;
  return new constructor(message, { code, errno, syscall, cause });
}

function nothingFound(): OSError {
  return new OSError("getaddrinfo() returned empty list");
}
