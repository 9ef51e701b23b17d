import type { Duplex } from "node:stream";
import { builtin } from "./_builtins.ts";
import { NodeChannel } from "./_node_channel.ts";
import type { RawChannel, ReadSink } from "./host.ts";

/**
 * What node:tls is to stand on. On Bun it is the channel's own socket, where there is one: its TLS over other streams ends altogether
 * when one direction ends. Elsewhere it is a stream of ours, which sees the peer leave in mid-handshake; node:tls on a socket does not.
 */
export function streamBelow(channel: RawChannel): Duplex {
  const socket = "Bun" in globalThis && channel instanceof NodeChannel
    ? channel.takeSocket()
    : null;
  return socket ?? channelDuplex(channel);
}

/** A channel in the form of a Node stream, backpressure both ways, so that node:tls can stand on any of them. */
function channelDuplex(channel: RawChannel): Duplex {
  const sink: ReadSink = {
    onData: (chunk) => {
      if (!duplex.push(chunk)) channel.stopReading();
    },
    onEof: () => duplex.push(null),
    onError: (error) => duplex.destroy(error),
  };
  const duplex: Duplex = new (builtin("node:stream").Duplex)({
    allowHalfOpen: true,
    read: () => channel.startReading(sink),
    write: (chunk: Uint8Array, _encoding, done) => {
      if (chunk.length === 0 || channel.write(chunk, done)) done();
    },
    final: (done) => channel.shutdownWrite(done),
    destroy: (error, done) => {
      channel.close();
      done(error);
    },
  });
  return duplex;
}
