import type { Duplex } from "node:stream";
import { builtin, onBun } from "../../runtime/base/platform.ts";
import { NodeChannel } from "../channels/node_channel.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import type { RawChannel, ReadSink } from "../core/host.ts";

/** What node:tls stands on, and how to hold back what comes up through it. */
export interface StreamBelow {
  readonly stream: Duplex;
  /** null: the TLS socket must be paused and resumed itself. */
  readonly flow: { pause(): void; resume(): void } | null;
}

/**
 * On Bun it is the channel's own socket, where there is one: its TLS over other streams ends
 * altogether when one direction ends. Elsewhere it is a stream of ours, which sees the peer leave
 * in mid-handshake; node:tls on a socket does not.
 */
export function streamBelow(channel: RawChannel): StreamBelow {
  const socket = onBun ? socketOf(channel) : null;
  return socket === null ? channelDuplex(channel) : { stream: socket, flow: null };
}

function socketOf(channel: RawChannel): Duplex | null {
  const [inner, prefix] = channel instanceof PrefixedChannel ? channel.apart() : [channel, null];
  const socket = inner instanceof NodeChannel ? inner.takeSocket() : null;
  if (prefix !== null) socket?.unshift(prefix);
  return socket;
}

/**
 * A channel in the form of a Node stream, backpressure both ways.
 *
 * Its flow stops below TLS. Pausing the TLS socket itself would do on Node, but on Deno one that is
 * paused when the peer's end arrives never tells it.
 */
function channelDuplex(channel: RawChannel): StreamBelow {
  let flowing = true;
  let wanted = false;
  const update = (): void => {
    if (flowing && wanted) channel.startReading(sink);
    else channel.stopReading();
  };
  const sink: ReadSink = {
    onData: (chunk) => {
      if (stream.push(chunk)) return;
      wanted = false;
      update();
    },
    onEof: () => stream.push(null),
    onError: (error) => stream.destroy(error),
  };
  const stream: Duplex = new (builtin("node:stream").Duplex)({
    allowHalfOpen: true,
    // It must outlive the end of both directions: its close makes node:tls drop what is not read
    // yet.
    autoDestroy: false,
    read: () => {
      wanted = true;
      update();
    },
    write: (chunk: Uint8Array, _encoding, done) => {
      if (chunk.length === 0 || channel.write(chunk, done)) done();
    },
    final: (done) => channel.shutdownWrite(done),
    destroy: (error, done) => {
      channel.close();
      done(error);
    },
  });
  const turn = (to: boolean): void => {
    flowing = to;
    update();
  };
  return { stream, flow: { resume: () => turn(true), pause: () => turn(false) } };
}
