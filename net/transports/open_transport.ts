import type { EventLoop } from "../../event_loop.ts";
import { noteDescriptors } from "../../runtime/core/lazy_module.ts";
import { Waiter } from "../../runtime/core/wait.ts";
import { makeProtocol } from "../core/arguments.ts";
import { Carry } from "../core/captured_context.ts";
import { handshake } from "./handshake.ts";
import type { TlsSetup } from "../tls/options.ts";
import type { RawChannel } from "../core/host.ts";
import { waitForOperation } from "../core/operations.ts";
import { netLoop } from "../core/net_loop.ts";
import type { BaseProtocol, Transport } from "../core/transports.ts";
import { StreamExtra } from "./extra_info.ts";
import { StreamTransport } from "./stream_transport.ts";

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
  const core = netLoop(loop);
  let top = channel;
  let protocol: P;
  try {
    protocol = makeProtocol(protocolFactory);
    if (tls !== null) {
      top = await waitForOperation(core, handshake(loop, channel, tls), "a TLS handshake");
    }
  } catch (error) {
    channel.close();
    throw error;
  }
  const made = new Waiter<void>("a connection to be made");
  const transport = new StreamTransport(core, {
    channel: top,
    protocol,
    carry: Carry.capture(core),
    extra: new StreamExtra(top, tls?.options ?? null),
    tls,
    owner: null,
  }, made);
  try {
    await made.promise;
  } catch (error) {
    transport.close();
    throw error;
  }
  noteDescriptors(1);
  return [transport, protocol];
}
