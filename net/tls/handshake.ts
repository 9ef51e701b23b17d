import type { Duplex } from "node:stream";
import type * as tls from "node:tls";
import { ConnectionResetError, SSLError } from "../../runtime/errors/os_error.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { describePeer, ipFamily } from "../core/addresses.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { readClientHello } from "./client_hello.ts";
import { type Settle, startOperation } from "../core/operations.ts";
import { PrefixedChannel } from "../channels/prefixed_channel.ts";
import { NodeTlsChannel, streamBelow } from "./channel.ts";
import { secureContextOptions } from "./secure_context.ts";
import {
  acquireServer,
  ALL,
  type Choice,
  choiceFor,
  choosesByHello,
  clientIsProven,
  releaseServer,
} from "./server_pool.ts";
import type { Operation, RawChannel, TlsChannel, UpgradeTls } from "../core/host.ts";

/** The outcome of one side of the handshake, reported once. */
interface Outcome {
  established(socket: tls.TLSSocket): void;
  failed(error: unknown): void;
}

/**
 * TLS by node:tls over any channel, on every runtime: Deno's own TLS knows neither client
 * certificates on servers, nor the peer's certificate, nor STARTTLS on a server.
 */
export function upgradeTls(channel: RawChannel, options: UpgradeTls): Operation<TlsChannel> {
  return startOperation<TlsChannel>("make the TLS handshake", (settle) => {
    if (!options.isServer || !choosesByHello(options)) {
      return shakeHands(channel, { options, choice: ALL }, settle);
    }
    let stop = readClientHello(channel, (bytes, hello) => {
      const whole = PrefixedChannel.over(channel, [bytes]);
      stop = shakeHands(whole, { options, choice: choiceFor(options, hello) }, settle);
    });
    return () => {
      stop();
      channel.abort();
    };
  });
}

/** What one handshake is made with. */
interface Terms {
  readonly options: UpgradeTls;
  /** Servers: what of it counts. */
  readonly choice: Choice;
}

/** @returns cancels it */
function shakeHands(channel: RawChannel, terms: Terms, settle: Settle<TlsChannel>): () => void {
  const { options } = terms;
  const { stream, flow } = streamBelow(channel);
  let over = false;
  const peer = describePeer(channel.remoteAddr);
  const outcome: Outcome = {
    established: (socket) => {
      if (options.alpnRequired && !socket.alpnProtocol) {
        outcome.failed(nothingAgreedOn(options));
        socket.destroy();
        return;
      }
      over = true;
      // Now, in the same turn: its data and errors need their listeners before they come.
      settle.resolve(new NodeTlsChannel(socket, channel, flow));
    },
    failed: (error) => {
      if (over) return;
      over = true;
      settle.reject(toOSError(error, "handshake", peer));
      stream.destroy();
      channel.abort();
    },
  };
  try {
    if (options.isServer) shakeAsServer(stream, terms, outcome);
    else shakeAsClient(stream, options, outcome);
  } catch (error) {
    // Certificates and keys that can't be read.
    outcome.failed(error);
  }
  // node:tls goes on waiting after an end in the handshake. What it makes of the bytes before, it
  // reports first.
  const left = new ConnectionResetError(
    `The peer ${
      peer === undefined ? "" : `${peer} `
    }left during the TLS handshake: does it speak TLS here?`,
  );
  stream.on("error", outcome.failed);
  stream.once("end", () => setImmediate(outcome.failed, left));
  stream.once("close", () => setImmediate(outcome.failed, left));
  return () => {
    over = true;
    stream.destroy();
    channel.abort();
  };
}

function nothingAgreedOn({ alpnProtocols = [] }: UpgradeTls): SSLError {
  return new SSLError(
    `Cannot agree on a protocol: the peer knows none of those that are required here, ${
      alpnProtocols.join(", ")
    }`,
    { code: "ERR_SSL_NO_APPLICATION_PROTOCOL" },
  );
}

function shakeAsClient(stream: Duplex, options: UpgradeTls, outcome: Outcome): void {
  // A server never speaks first in TLS. Bun's client would leave out what was read already, and wait for more.
  if (stream.readableLength > 0) {
    throw new SSLError(
      `Cannot start TLS: the server must not speak first, received ${stream.readableLength} bytes of plain text`,
      { code: "ERR_SSL_WRONG_VERSION_NUMBER" },
    );
  }
  const { serverHostname = "", verifyPeer = true } = options;
  const { connect, checkServerIdentity } = builtin("node:tls");
  const socket = connect({
    ...secureContextOptions(options),
    socket: stream,
    // SNI is for names only.
    servername: ipFamily(serverHostname) === 0 ? serverHostname : "",
    rejectUnauthorized: verifyPeer,
    // The runtime would take the name it connected to, and has none here.
    checkServerIdentity: (_name, certificate) =>
      serverHostname === "" ? undefined : checkServerIdentity(serverHostname, certificate),
  });
  socket.once("secureConnect", () => outcome.established(socket));
  socket.once("error", outcome.failed);
}

/** By a server that listens nowhere: only the class `tls.Server` checks the certificates of clients. */
function shakeAsServer(stream: Duplex, { options, choice }: Terms, outcome: Outcome): void {
  const server = acquireServer(options, choice);
  server.once("secureConnection", (socket) => {
    server.removeListener("tlsClientError", outcome.failed);
    releaseServer(server, options, choice);
    if (clientIsProven(socket, options)) outcome.established(socket);
    else {
      outcome.failed(
        new SSLError(
          "Cannot accept the client: its session was resumed without a certificate that is trusted here",
        ),
      );
      socket.destroy();
    }
  });
  server.once("tlsClientError", outcome.failed);
  server.emit("connection", stream);
}
