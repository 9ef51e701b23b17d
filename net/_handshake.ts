import type { EventLoop } from "../event_loop.ts";
import { type Delay, toSeconds } from "../runtime/durations.ts";
import { ConnectionAbortedError } from "../runtime/exceptions.ts";
import { InternalTimer } from "../runtime/_internal_timer.ts";
import type { Operation, RawChannel, TlsChannel, UpgradeTls } from "./host.ts";
import { hostOf } from "./_host_of.ts";
import { netLoop } from "./_net_loop.ts";
import type { TlsOptions } from "./options.ts";

const HANDSHAKE_TIMEOUT = 60;
const SHUTDOWN_TIMEOUT = 30;

/** What a TLS connection is set up with. */
export interface TlsSetup {
  readonly options: TlsOptions;
  readonly isServer: boolean;
  /** Clients: the name to check; "" checks none. */
  readonly serverHostname: string;
  /** Seconds. */
  readonly handshakeTimeout: number;
  /** Seconds from `close()` until the peer has to have ended TLS too. */
  readonly shutdownTimeout: number;
}

/** The limits of a TLS connection, as its users give them. */
export interface TlsTimeouts {
  sslHandshakeTimeout?: Delay;
  sslShutdownTimeout?: Delay;
}

/**
 * The limits in seconds.
 *
 * @throws {RangeError} when one is not positive
 */
export function tlsSeconds(
  timeouts: TlsTimeouts,
): Pick<TlsSetup, "handshakeTimeout" | "shutdownTimeout"> {
  return {
    handshakeTimeout: positive(timeouts, "sslHandshakeTimeout", HANDSHAKE_TIMEOUT),
    shutdownTimeout: positive(timeouts, "sslShutdownTimeout", SHUTDOWN_TIMEOUT),
  };
}

function positive(timeouts: TlsTimeouts, name: keyof TlsTimeouts, standard: number): number {
  const timeout = timeouts[name];
  if (timeout === undefined) return standard;
  const seconds = toSeconds(timeout);
  if (seconds > 0) return seconds;
  throw new RangeError(`${name} should be a positive number, got ${seconds}`);
}

/**
 * Makes the handshake over a channel, which belongs to it from now on. It ends with its loop at the
 * latest, whoever waits for it.
 */
export function handshake(
  loop: EventLoop,
  channel: RawChannel,
  setup: TlsSetup,
): Operation<TlsChannel> {
  const core = netLoop(loop);
  const operation = hostOf(core).upgradeTls(channel, toUpgrade(setup));
  const resource = { closeWithLoop: () => operation.cancel() };
  core.resources.add(resource);
  let late = false;
  const timer = InternalTimer.after(core, setup.handshakeTimeout, () => {
    late = true;
    operation.cancel();
  });
  const release = (): void => {
    timer.cancel();
    core.resources.delete(resource);
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
  // Whoever needs the outcome looks at the promise, as with every operation.
  promise.catch(() => {});
  return { promise, cancel: () => operation.cancel() };
}

function toUpgrade(setup: TlsSetup): UpgradeTls {
  const { cert, key, caCerts, alpnProtocols, verifyPeer } = setup.options;
  return {
    isServer: setup.isServer,
    origin: setup.options,
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(caCerts === undefined ? {} : { caCerts }),
    ...(alpnProtocols === undefined ? {} : { alpnProtocols }),
    ...(verifyPeer === undefined ? {} : { verifyPeer }),
    ...(setup.isServer ? {} : { serverHostname: setup.serverHostname }),
  };
}
