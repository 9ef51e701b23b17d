import type { EventLoop } from "../event_loop.ts";
import { noteDescriptors } from "../runtime/_lazy.ts";
import { Waiter } from "../runtime/_wait.ts";
import { makeProtocol } from "./_arguments.ts";
import { Carry } from "./_carry.ts";
import { handshake } from "./_handshake.ts";
import type { TlsSetup } from "./_tls_arguments.ts";
import type { RawChannel } from "./host.ts";
import { waitForOperation } from "./_host_wait.ts";
import { netLoop } from "./_net_loop.ts";
import type { BaseProtocol, Transport } from "./transports.ts";
import { StreamExtra } from "./_stream_extra.ts";
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
