import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { noteDescriptors } from "../../runtime/core/lazy_module.ts";
import { InternalTimer } from "../../runtime/core/timers.ts";
import { ConnectionAbortedError } from "../../runtime/errors/exceptions.ts";
import { makeProtocol } from "../core/arguments.ts";
import { CapturedContext } from "../../runtime/core/captured_context.ts";
import type { Operation, RawChannel, TlsChannel, UpgradeTls } from "../core/host.ts";
import { waitForOperation } from "../core/operations.ts";
import { type TlsOptions, tlsOptions } from "../core/options.ts";
import type { BaseProtocol, Transport } from "../../runtime/contract/transports.ts";
import { hostOf } from "../hosts/select.ts";
import type { TlsSetup } from "../tls/options.ts";
import { StreamExtra } from "./extra_info.ts";
import { StreamTransport } from "./stream_transport.ts";
import { openedTransport, type TransportOwner } from "./transport_base.ts";

/**
 * Puts a transport and a protocol on a connected channel, with TLS in between when asked for, and
 * waits until `connectionMade` has been called. However it fails, the channel is closed.
 */
export async function openTransport<P extends BaseProtocol>(
  loop: EventLoop,
  channel: RawChannel,
  protocolFactory: () => P,
  tls: TlsSetup | null,
): Promise<[Transport, P]> {
  const inner = loop[core];
  let top = channel;
  let protocol: P;
  try {
    protocol = makeProtocol(protocolFactory);
    if (tls !== null) {
      top = await waitForOperation(inner, handshake(loop, channel, tls), "a TLS handshake");
    }
  } catch (error) {
    channel.close();
    throw error;
  }
  const parts = {
    channel: top,
    protocol,
    context: CapturedContext.capture(inner),
    extra: new StreamExtra(top, tls?.options ?? null),
    tls,
    owner: null,
  };
  const transport = await openedTransport(
    "a connection to be made",
    (made) => new StreamTransport(inner, parts, made),
  );
  noteDescriptors(1);
  return [transport, protocol];
}

/** What a server brings to a connection that it has accepted. */
export interface Accepted {
  readonly channel: RawChannel;
  readonly protocol: BaseProtocol;
  readonly context: CapturedContext;
  readonly tls: TlsSetup | null;
  readonly owner: TransportOwner;
}

/** Puts a transport between the two; it does not wait for `connectionMade`. */
export function serveAccepted(loop: EventLoop, accepted: Accepted): void {
  const extra = new StreamExtra(accepted.channel, accepted.tls?.options ?? null);
  new StreamTransport(loop[core], { ...accepted, extra }, null);
}

/**
 * Makes the handshake over a channel, which belongs to it from now on. It ends with its loop at the
 * latest.
 */
export function handshake(
  loop: EventLoop,
  channel: RawChannel,
  setup: TlsSetup,
): Operation<TlsChannel> {
  const inner = loop[core];
  const operation = hostOf(inner).upgradeTls(channel, toUpgrade(setup));
  const resource = { closeWithLoop: () => operation.cancel() };
  inner.resources.add(resource);
  let late = false;
  const timer = InternalTimer.after(inner, setup.handshakeTimeout, () => {
    late = true;
    operation.cancel();
  });
  const release = (): void => {
    timer.cancel();
    inner.resources.delete(resource);
  };
  const promise = operation.promise.then((upgraded) => {
    release();
    return upgraded;
  }, (error) => {
    release();
    if (!late) throw error;
    throw new ConnectionAbortedError(
      `SSL handshake is taking longer than ${setup.handshakeTimeout} seconds: aborting the connection`,
    );
  });
  // The caller observes the promise; as with every operation, an unobserved rejection does not count as unhandled.
  promise.catch(() => {});
  return { promise, cancel: () => operation.cancel() };
}

/** The options for the host. */
export function toUpgrade({ options, isServer, serverHostname }: TlsSetup): UpgradeTls {
  const upgrade: Record<string, unknown> = { isServer, origin: options };
  // Inherited options count too, as in the check.
  for (const name of FIELDS) {
    if (options[name] !== undefined) upgrade[name] = options[name];
  }
  if (!isServer) upgrade.serverHostname = serverHostname;
  return upgrade as unknown as UpgradeTls;
}

const FIELDS = Object.keys(tlsOptions.kinds) as readonly (keyof TlsOptions)[];
