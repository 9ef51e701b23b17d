/**
 * From plain text to TLS in mid-stream: `loop.startTls`.
 *
 * @module
 */
import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import {
  CancelledError,
  ConnectionAbortedError,
  RuntimeError,
} from "../../runtime/errors/exceptions.ts";
import { cannotSend } from "../core/addresses.ts";
import { checkMethodNames } from "../core/arguments.ts";
import { handshake, toUpgrade } from "./open_transport.ts";
import type { TlsSetup } from "../tls/options.ts";
import { checkSecureContext } from "../tls/secure_context.ts";
import { waitForOperation } from "../core/operations.ts";
import type { Operation, TlsChannel } from "../core/host.ts";
import { upgradeOf } from "../core/flow_control.ts";
import type {
  BaseProtocol,
  BufferedProtocol,
  Protocol,
  Transport,
} from "../../runtime/contract/transports.ts";
import { StreamExtra } from "./extra_info.ts";
import { StreamTransport } from "./stream_transport.ts";

/**
 * `loop.startTls`. However it fails, the connection is lost, and the protocol is notified, since its `connectionMade` was
 * called. CPython leaves some protocols waiting there.
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
  checkSecureContext(toUpgrade(setup));
  if (transport.isClosing()) {
    throw new RuntimeError(cannotSend("Transport is closing", transport.getExtraInfo("peername")));
  }
  transport.requireUnclaimed("startTls()");
  // The protocol may ask for more while this waits, and would be notified of bytes that belong to TLS.
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
  const replacement = { close: giveUp, abort: giveUp, isClosing: () => closed };
  try {
    const channel = transport.detach(
      replacement,
      takeUnread(transport.getProtocol(), protocol),
    );
    operation = handshake(loop, channel, setup);
    const top = await waitForOperation(loop[core], operation, "a TLS handshake");
    return transport.replaceTransport(top, protocol, setup, new StreamExtra(top, setup.options));
  } catch (error) {
    transport.lostDetached(closed || error instanceof CancelledError ? null : error);
    if (!closed) throw error;
    throw closedMeanwhile();
  }
}

function closedMeanwhile(): ConnectionAbortedError {
  return new ConnectionAbortedError("The connection was closed during the TLS handshake");
}

/**
 * Bytes that wait in readers of the library when the transport is detached belong to TLS. If they were read later, plain text
 * injected on the way would count as encrypted, and the start of a handshake that the peer did not wait with would be missing
 * (gh-142352).
 */
function takeUnread(...protocols: BaseProtocol[]): Uint8Array[] {
  const unread = [...new Set(protocols)].map((one) => upgradeOf(one)?.takeUnread() ?? null);
  return unread.filter((bytes) => bytes !== null);
}
