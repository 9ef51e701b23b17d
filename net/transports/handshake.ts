import type { EventLoop } from "../../event_loop.ts";
import { ConnectionAbortedError } from "../../runtime/errors/exceptions.ts";
import { InternalTimer } from "../../runtime/core/timers.ts";
import type { Operation, RawChannel, TlsChannel, UpgradeTls } from "../core/host.ts";
import { hostOf } from "../hosts/select.ts";
import { netLoop } from "../core/net_loop.ts";
import { type TlsOptions, tlsOptions } from "../core/options.ts";
import type { TlsSetup } from "../tls/options.ts";

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

/** What the host is told. */
export function toUpgrade({ options, isServer, serverHostname }: TlsSetup): UpgradeTls {
  const upgrade: Record<string, unknown> = { isServer, origin: options };
  // What is inherited too, as when they were checked.
  for (const name of FIELDS) {
    if (options[name] !== undefined) upgrade[name] = options[name];
  }
  if (!isServer) upgrade.serverHostname = serverHostname;
  return upgrade as unknown as UpgradeTls;
}

const FIELDS = Object.keys(tlsOptions.kinds) as readonly (keyof TlsOptions)[];
