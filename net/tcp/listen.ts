import type { EventLoop } from "../../loop_interface.ts";
import { OSError, PermissionError } from "../../runtime/errors/exceptions.ts";
import { gather } from "../../runtime/combinators/gather.ts";
import { bindError } from "./connect.ts";
import { reusePortRefused } from "../core/arguments.ts";
import { describeAddress, SOCK_STREAM } from "../core/addresses.ts";
import type { ListenTcp, RawListener } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { waitForHost } from "../core/operations.ts";
import { core } from "../../runtime/core/loop_core.ts";
import type { ServeOptions } from "../core/options.ts";
import { type Family, resolve } from "../names/resolve.ts";

/** Where to listen; a hostname of null means every interface. */
interface Place {
  readonly hostname: string | null;
  readonly port: number;
}

const EVERY_INTERFACE: Readonly<Record<Family, string | null>> = { 0: null, 4: "0.0.0.0", 6: "::" };

/**
 * Listens on every address of every host, once on each (CSRV-03). When one fails, none stays open.
 *
 * @throws {OSError} naming the address that could not be bound
 */
export async function listenTcp(
  loop: EventLoop,
  host: string | readonly string[] | null,
  port: number | null,
  options: ServeOptions,
): Promise<RawListener[]> {
  const hosts: readonly (string | null)[] = host === null || typeof host === "string"
    ? [host]
    : host;
  const found = await gather(
    hosts.map((one) => () => placesOf(loop, one || null, port ?? 0, options)),
  );
  const places = new Map<string, Place>();
  for (const place of found.flat()) places.set(`${place.hostname}`, place);

  const listeners: RawListener[] = [];
  try {
    for (const place of places.values()) {
      const listener = await bind(loop, place, options);
      if (listener !== null) listeners.push(listener);
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  if (listeners.length === 0) {
    const tried = [...places.values()].map(describe).join(", ");
    throw new OSError(`could not bind on any address out of [${tried}]`);
  }
  return listeners;
}

async function placesOf(
  loop: EventLoop,
  host: string | null,
  port: number,
  { family = 0, flags }: ServeOptions,
): Promise<Place[]> {
  if (host === null) return [{ hostname: EVERY_INTERFACE[family], port }];
  const found = await resolve(loop, host, port, family, SOCK_STREAM, { flags });
  if (found.length === 0) {
    throw new OSError(`getaddrinfo(${JSON.stringify(host)}) returned empty list`);
  }
  return found;
}

/** null where the machine has no such address: its family may not be enabled. */
async function bind(
  loop: EventLoop,
  place: Place,
  options: ServeOptions,
): Promise<RawListener | null> {
  const { backlog, reusePort } = options;
  const how: ListenTcp = {
    ...place,
    ...(backlog === undefined ? {} : { backlog }),
    ...(reusePort === undefined ? {} : { reusePort }),
  };
  const inner = loop[core];
  try {
    return await waitForHost(
      inner,
      hostOf(inner).listenTcp(how),
      `a socket at ${describe(place)}`,
      {
        tooLate: (listener) => listener.close(),
      },
    );
  } catch (error) {
    if (!(error instanceof OSError)) throw error;
    if (error.code === "EADDRNOTAVAIL") return null;
    if (error.code === "ENOTSUP" && reusePort) throw reusePortRefused(error);
    // The text of a missing permission names the flag to run with and stays as it is.
    if (error instanceof PermissionError) throw error;
    throw bindError({ transport: "tcp", hostname: place.hostname ?? "", port: place.port }, error);
  }
}

function describe(place: Place): string {
  return describeAddress({ hostname: place.hostname ?? "", port: place.port });
}
