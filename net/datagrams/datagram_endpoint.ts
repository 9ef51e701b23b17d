/**
 * `createDatagramEndpoint`.
 *
 * @module
 */
import type { EventLoop } from "../../event_loop.ts";
import { OSError } from "../../runtime/errors/exceptions.ts";
import { noteDescriptors } from "../../runtime/core/lazy_module.ts";
import { count, flag, oneOf, type OptionsOf, optionsOf } from "../../runtime/base/options.ts";
import { openedTransport } from "../transports/transport_base.ts";
import {
  type AddressLike,
  ipFamily,
  IPPROTO_UDP,
  type NetAddress,
  SOCK_DGRAM,
} from "../core/addresses.ts";
import { CapturedContext } from "../../runtime/core/captured_context.ts";
import { DatagramEndpoint } from "./datagram_transport.ts";
import type { DatagramChannel } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { waitForHost } from "../core/operations.ts";
import { netLoop } from "../core/net_loop.ts";
import type { DatagramProtocol, DatagramTransport } from "../core/transports.ts";
import {
  address,
  checkAddress,
  checkCall,
  family,
  makeProtocol,
  netPlace,
} from "../core/arguments.ts";
import { LOOP, socket } from "../core/options.ts";
import { resolve } from "../names/resolve.ts";
import type { Socket } from "../sockets/sockets.ts";
import { takeDatagrams } from "../sockets/adopt.ts";

/** How a datagram endpoint is made. */
export interface DatagramOptions {
  /** Where to receive. */
  localAddr?: AddressLike;
  /** Whom to talk to; others are not heard. */
  remoteAddr?: AddressLike;
  /** 4 or 6; 0: either. @default {0} */
  family?: 0 | 4 | 6;
  /** What the resolver is asked for: IPPROTO_UDP, or 0 for any. @default {0} */
  proto?: 0 | typeof IPPROTO_UDP;
  /** What else the resolver is asked for: AI_ADDRCONFIG and the like, joined by `|`. @default {0} */
  flags?: number;
  /** Share the port with other sockets, where the runtime can. @default {false} */
  reusePort?: boolean;
  /** Allow sending to a broadcast address. @default {false} */
  allowBroadcast?: boolean;
  /** A bound datagram socket, in the place of all other options. */
  sock?: Socket;
}

/** What is checked of {@linkcode DatagramOptions}. */
const datagramOptions: OptionsOf<DatagramOptions> = optionsOf(
  '{ localAddr: { hostname: "127.0.0.1", port: 0 } }',
  {
    localAddr: address,
    remoteAddr: address,
    family,
    proto: oneOf(0, IPPROTO_UDP),
    flags: count,
    reusePort: flag,
    allowBroadcast: flag,
    sock: socket,
  },
  {
    reuseAddress:
      "asyncio withdrew it, since other programs could take the port; reusePort shares it",
    broadcast: "write allowBroadcast: true",
    localAddress: 'write localAddr: { hostname: "127.0.0.1", port: 0 }',
    address: 'write localAddr: { hostname: "127.0.0.1", port: 0 }',
    hostname: 'write localAddr: { hostname: "127.0.0.1", port: 0 }',
    port: 'write localAddr: { hostname: "127.0.0.1", port: 0 }',
    loop: LOOP,
  },
);

/** The two ends to try together; both of one family. */
interface Ends {
  local: NetAddress | null;
  remote: NetAddress | null;
}

/** `loop.createDatagramEndpoint` */
export async function createDatagramEndpoint<P extends DatagramProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  options: DatagramOptions = {},
): Promise<[DatagramTransport, P]> {
  checkCall(loop, protocolFactory);
  datagramOptions.check(options, "createDatagramEndpoint()");
  const { sock } = options;
  let channel: DatagramChannel;
  let peer: NetAddress | null;
  if (sock === undefined) [channel, peer] = await open(loop, options);
  else {
    refuseBesideSock(options);
    channel = takeDatagrams(sock);
    peer = channel.remoteAddr;
  }
  let protocol: P;
  try {
    protocol = makeProtocol(protocolFactory);
  } catch (error) {
    channel.close();
    throw error;
  }
  const core = netLoop(loop);
  const parts = { channel, protocol, context: CapturedContext.capture(core), peer };
  const transport = await openedTransport(
    "a datagram endpoint to be made",
    (made) => new DatagramEndpoint(core, parts, made),
  );
  noteDescriptors(1);
  return [transport, protocol];
}

/** Opens the first pair of addresses that can be opened. */
async function open(
  loop: EventLoop,
  options: DatagramOptions,
): Promise<[DatagramChannel, NetAddress | null]> {
  const { family = 0, reusePort = false, allowBroadcast = false } = options;
  const core = netLoop(loop);
  const errors: OSError[] = [];
  for (const { local, remote } of await endsOf(loop, options)) {
    // An endpoint that may broadcast hears everybody, so it is not connected to its peer.
    const connected = allowBroadcast ? null : remote;
    const own = ipFamily((local ?? remote)?.hostname ?? "") || family;
    const opening = hostOf(core).openDatagram({
      ...(local === null ? {} : { local }),
      ...(connected === null ? {} : { remote: connected }),
      ...(own === 0 ? {} : { family: own }),
      ...(reusePort ? { reusePort } : {}),
      ...(allowBroadcast ? { broadcast: true } : {}),
    });
    try {
      const channel = await waitForHost(core, opening, "a datagram socket", {
        tooLate: (late) => late.close(),
      });
      return [channel, remote];
    } catch (error) {
      if (!(error instanceof OSError)) throw error;
      if (error.code === "ENOTSUP" && reusePort) {
        throw new RangeError(`reusePort is not supported by this runtime: ${error.message}`, {
          cause: error,
        });
      }
      errors.push(error);
    }
  }
  throw errors[0]!;
}

async function endsOf(loop: EventLoop, options: DatagramOptions): Promise<Ends[]> {
  const { localAddr, remoteAddr, family = 0 } = options;
  if (localAddr === undefined && remoteAddr === undefined) {
    if (family === 0) throw new RangeError("unexpected address family");
    return [{ local: null, remote: null }];
  }
  const byFamily = new Map<number, Ends>();
  for (const [end, address] of [["local", localAddr], ["remote", remoteAddr]] as const) {
    if (address === undefined) continue;
    checkAddress(address);
    const { hostname, port } = netPlace(address, "open the endpoint");
    const found = await resolve(loop, hostname, port, family, SOCK_DGRAM, options);
    if (found.length === 0) throw new OSError("getaddrinfo() returned empty list");
    for (const one of found) {
      const key = ipFamily(one.hostname);
      const ends = byFamily.get(key) ?? { local: null, remote: null };
      ends[end] ??= one;
      byFamily.set(key, ends);
    }
  }
  const complete = [...byFamily.values()].filter(({ local, remote }) =>
    (localAddr === undefined || local !== null) && (remoteAddr === undefined || remote !== null)
  );
  if (complete.length === 0) throw new RangeError("can not get address information");
  return complete;
}

function refuseBesideSock(options: DatagramOptions): void {
  const { sock: _sock, ...others } = options;
  const problems = Object.entries(others).filter(([, value]) => Boolean(value));
  if (problems.length === 0) return;
  const shown = problems.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(", ");
  throw new RangeError(
    `socket modifier options can not be used when sock is specified. (${shown})`,
  );
}
