/**
 * `createDatagramEndpoint`.
 *
 * @module
 */
import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import type { DatagramOptions } from "../../runtime/contract/datagram_options.ts";
import type { DatagramProtocol, DatagramTransport } from "../../runtime/contract/transports.ts";
import { OSError } from "../../runtime/errors/exceptions.ts";
import { noteDescriptors } from "../../runtime/core/lazy_module.ts";
import {
  anything,
  count,
  flag,
  oneOf,
  type OptionsOf,
  optionsOf,
} from "../../runtime/base/options.ts";
import { openedTransport } from "../transports/transport_base.ts";
import { ipFamily, IPPROTO_UDP, type NetAddress, SOCK_DGRAM } from "../core/addresses.ts";
import { CapturedContext } from "../../runtime/core/captured_context.ts";
import { DatagramEndpoint } from "./datagram_transport.ts";
import type { DatagramChannel } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { waitForHost } from "../core/operations.ts";
import {
  address,
  checkAddress,
  checkCall,
  family,
  makeProtocol,
  netPlace,
  reusePortRefused,
} from "../core/arguments.ts";
import { LOOP } from "../core/options.ts";
import { resolve } from "../names/resolve.ts";
import { checkSock } from "../sockets/sockets.ts";
import { takeDatagrams } from "../sockets/adopt.ts";

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
    // Checked by `checkSock`.
    sock: anything(),
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
  checkSock(options);
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
  const inner = loop[core];
  const parts = { channel, protocol, context: CapturedContext.capture(inner), peer };
  const transport = await openedTransport(
    "a datagram endpoint to be made",
    (made) => new DatagramEndpoint(inner, parts, made),
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
  const inner = loop[core];
  const errors: OSError[] = [];
  for (const { local, remote } of await endsOf(loop, options)) {
    // An endpoint that may broadcast receives from every peer, so it is not connected to one.
    const connected = allowBroadcast ? null : remote;
    const own = ipFamily((local ?? remote)?.hostname ?? "") || family;
    const opening = hostOf(inner).openDatagram({
      ...(local === null ? {} : { local }),
      ...(connected === null ? {} : { remote: connected }),
      ...(own === 0 ? {} : { family: own }),
      ...(reusePort ? { reusePort } : {}),
      ...(allowBroadcast ? { broadcast: true } : {}),
    });
    try {
      const channel = await waitForHost(inner, opening, "a datagram socket", {
        tooLate: (late) => late.close(),
      });
      return [channel, remote];
    } catch (error) {
      if (!(error instanceof OSError)) throw error;
      if (error.code === "ENOTSUP" && reusePort) throw reusePortRefused(error);
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
