import type { EventLoop } from "../event_loop.ts";
import { type Delay, toSeconds } from "../runtime/durations.ts";
import { ConnectionAbortedError } from "../runtime/exceptions.ts";
import type { Operation, RawChannel, TlsChannel, UpgradeTls } from "./host.ts";
import { hostOf } from "./_host_of.ts";
import { netLoop } from "./_net_loop.ts";
import type { TlsOptions } from "./options.ts";

const DEFAULT_TIMEOUT = 60;

/** What a TLS connection is set up with. */
export interface TlsSetup {
  readonly options: TlsOptions;
  readonly isServer: boolean;
  /** Clients: the name to check; "" checks none. */
  readonly serverHostname: string;
  /** Seconds. */
  readonly handshakeTimeout: number;
}

/**
 * A handshake's limit in seconds.
 *
 * @throws {RangeError} when it is not positive
 */
export function handshakeSeconds(timeout: Delay | undefined): number {
  if (timeout === undefined) return DEFAULT_TIMEOUT;
  const seconds = toSeconds(timeout);
  if (seconds > 0) return seconds;
  throw new RangeError(`sslHandshakeTimeout should be a positive number, got ${seconds}`);
}

/** Makes the handshake over a channel, which belongs to it from now on. */
export function handshake(
  loop: EventLoop,
  channel: RawChannel,
  setup: TlsSetup,
): Operation<TlsChannel> {
  const operation = hostOf(netLoop(loop)).upgradeTls(channel, toUpgrade(setup));
  let late = false;
  const timer = loop.callLater(setup.handshakeTimeout, () => {
    late = true;
    operation.cancel();
  });
  const promise = operation.promise.then((upgraded) => {
    timer.cancel();
    return upgraded;
  }, (error) => {
    timer.cancel();
    if (!late) throw error;
    throw new ConnectionAbortedError(
      `SSL handshake is taking longer than ${setup.handshakeTimeout} seconds: aborting the connection`,
    );
  });
  // Whoever needs the outcome looks at the promise, as with every operation.
  promise.catch(() => {});
  return { promise, cancel: () => operation.cancel() };
}

function toUpgrade(setup: TlsSetup): UpgradeTls {
  const { cert, key, caCerts, alpnProtocols, verifyPeer } = setup.options;
  return {
    isServer: setup.isServer,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(caCerts === undefined ? {} : { caCerts }),
    ...(alpnProtocols === undefined ? {} : { alpnProtocols }),
    ...(verifyPeer === undefined ? {} : { verifyPeer }),
    ...(setup.isServer ? {} : { serverHostname: setup.serverHostname }),
  };
}
