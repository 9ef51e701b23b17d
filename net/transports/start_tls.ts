/**
 * From plain text to TLS in mid-stream: `loop.startTls`.
 *
 * @module
 */
import type { EventLoop } from "../../event_loop.ts";
import {
  CancelledError,
  ConnectionAbortedError,
  RuntimeError,
} from "../../runtime/errors/exceptions.ts";
import { cannotSend } from "../core/addresses.ts";
import { checkMethodNames } from "../core/arguments.ts";
import { handshake, toUpgrade } from "./handshake.ts";
import type { TlsSetup } from "../tls/options.ts";
import { checkMaterial } from "../tls/secure_context.ts";
import { waitForOperation } from "../core/operations.ts";
import type { Operation, TlsChannel } from "../core/host.ts";
import { netLoop } from "../core/net_loop.ts";
import { upgradeOf } from "../core/protocol_marks.ts";
import type { BaseProtocol, BufferedProtocol, Protocol, Transport } from "../core/transports.ts";
import { StreamExtra } from "./extra_info.ts";
import { StreamTransport } from "./stream_transport.ts";

/**
 * `loop.startTls`. However it fails, the connection is lost, and the protocol is told: it has had its `connectionMade`. CPython
 * leaves some protocols waiting there.
 */
export async function startTls(
  loop: EventLoop,
  transport: Transport,
  protocol: Protocol | BufferedProtocol,
  setup: TlsSetup,
): Promise<Transport> {
  if (!(transport instanceof StreamTransport)) {
    throw new TypeError(`transport ${transport} is not supported by startTls()`);
  }
  // Before the connection is touched.
  checkMethodNames(protocol);
  checkMaterial(toUpgrade(setup));
  if (transport.isClosing()) {
    throw new RuntimeError(cannotSend("Transport is closing", transport.getExtraInfo("peername")));
  }
  transport.requireUnlent("startTls()");
  // The protocol may ask for more while this waits, and would be told what is TLS's.
  transport.holdReading();
  try {
    while (!transport.settled) {
      if (transport.isClosing()) throw closedMeanwhile();
      await transport.settle();
    }
  } catch (error) {
    if (error instanceof CancelledError) transport.close();
    throw error;
  }
  return await upgrade(loop, transport, protocol, setup);
}

async function upgrade(
  loop: EventLoop,
  transport: StreamTransport,
  protocol: Protocol | BufferedProtocol,
  setup: TlsSetup,
): Promise<Transport> {
  let operation: Operation<TlsChannel> | null = null;
  let closed = false;
  const giveUp = (): void => {
    closed = true;
    operation?.cancel();
  };
  const heir = { close: giveUp, abort: giveUp, isClosing: () => closed };
  try {
    const channel = transport.handOver(heir, takeUnread(transport.getProtocol(), protocol));
    operation = handshake(loop, channel, setup);
    const top = await waitForOperation(netLoop(loop), operation, "a TLS handshake");
    return transport.succeed(top, protocol, setup, new StreamExtra(top, setup.options));
  } catch (error) {
    transport.lostBy(closed || error instanceof CancelledError ? null : error);
    if (!closed) throw error;
    throw closedMeanwhile();
  }
}

function closedMeanwhile(): ConnectionAbortedError {
  return new ConnectionAbortedError("The connection was closed during the TLS handshake");
}

/**
 * What readers of the library hold at the time of the handover goes to TLS. Read after it, plain text of somebody in between
 * would count as encrypted, and a handshake that the peer began without waiting would be missing below (gh-142352).
 */
function takeUnread(...protocols: BaseProtocol[]): Uint8Array[] {
  const unread = [...new Set(protocols)].map((one) => upgradeOf(one)?.takeUnread() ?? null);
  return unread.filter((bytes) => bytes !== null);
}
