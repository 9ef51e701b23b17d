/**
 * The options of the net: what is checked of them at a call. The types are the contract's.
 *
 * @module
 */

import {
  abortSignal,
  anything,
  count,
  duration,
  flag,
  type Instead,
  type Kind,
  listOf,
  oneOf,
  type OptionsOf,
  optionsOf,
  orNull,
  plainNumber,
  text,
} from "../../runtime/base/options.ts";
import { certificatesByName, family, localEnd, protocolNames } from "./arguments.ts";
import { IPPROTO_TCP } from "./addresses.ts";
import type { Socket } from "../../runtime/contract/sockets.ts";
import type {
  AcceptedOptions,
  ConnectOptions,
  ServeOptions,
} from "../../runtime/contract/stream_options.ts";
import type {
  StartTlsOptions,
  TlsCertificate,
  TlsOptions,
  TlsVersion,
} from "../../runtime/contract/tls_options.ts";

export type {
  AcceptedOptions,
  ConnectOptions,
  ServeOptions,
} from "../../runtime/contract/stream_options.ts";
export type { StartTlsOptions } from "../../runtime/contract/tls_options.ts";
export type { TlsCertificate, TlsOptions, TlsVersion } from "../../runtime/contract/tls_options.ts";

// ── what other libraries call it

const HOST_FIRST =
  "host and port come before the options, as in openConnection(host, port, options)";
const SERVER_HOST_FIRST =
  "host and port come before the options, as in startServer(clientConnected, host, port, options)";
/** Said for `loop`. */
export const LOOP = "it is the running loop's";

const forTls: Instead = {
  ca: "write caCerts: [pem]",
  cafile: "write caCerts: [pem], with the text of the file",
  cadata: "write caCerts: [pem]",
  certfile: "write cert, with the text of the file",
  keyfile: "write key, with the text of the file",
  password: "write passphrase",
  minVersion: "write minimumVersion",
  maxVersion: "write maximumVersion",
  cipherList: "write ciphers",
  sniCallback: "write serverNames: { [name]: { cert, key } }",
  checkHostname: 'write serverHostname: "" beside ssl to check no name',
  rejectUnauthorized: "write verifyPeer",
  requestCert: "write verifyPeer: true",
  verifyMode: "write verifyPeer",
  servername: "write serverHostname beside ssl",
};

const forConnections: Instead = {
  context: "write ssl: { ... }",
  sslContext: "write ssl: { ... }",
  tls: "write ssl: true, or ssl: { caCerts: [pem] }",
  servername: "write serverHostname",
  serverName: "write serverHostname",
  rejectUnauthorized: "write ssl: { verifyPeer: false }",
  caCerts: "it belongs in ssl: { caCerts: [pem] }",
  cert: "it belongs in ssl: { cert, key }",
  key: "it belongs in ssl: { cert, key }",
  alpnProtocols: "it belongs in ssl: { alpnProtocols: [...] }",
  verifyPeer: "it belongs in ssl: { verifyPeer: false }",
  host: HOST_FIRST,
  hostname: HOST_FIRST,
  port: HOST_FIRST,
  localAddress: 'write localAddr: { hostname: "127.0.0.1" }',
  localPort: 'write localAddr: { hostname: "127.0.0.1", port }',
  timeout: "put the call into timeout(5).with(...), or pass a signal",
  connectTimeout: "put the call into timeout(5).with(...), or pass a signal",
  allErrors: "the error of several addresses tells each one's",
  noDelay: "it is on always",
  highWaterMark: "write limit",
  loop: LOOP,
};

const forServers: Instead = {
  ...forConnections,
  host: SERVER_HOST_FIRST,
  hostname: SERVER_HOST_FIRST,
  port: SERVER_HOST_FIRST,
  signal: "close the server, or cancel the task that serves",
  exclusive: "write reusePort: true to share the port",
  maxConnections: "count the connections in a Semaphore",
};

const forCertificates: Instead = {
  certfile: "write cert, with the text of the file",
  keyfile: "write key, with the text of the file",
  password: "write passphrase",
};

const certificate: OptionsOf<TlsCertificate> = optionsOf("{ cert, key }", {
  cert: text,
  key: text,
  passphrase: text,
}, forCertificates);

const version: Kind<TlsVersion> = oneOf("TLSv1.2", "TLSv1.3");

/** What `ssl` may hold. */
export const tlsOptions: OptionsOf<TlsOptions> = optionsOf("{ cert, key }", {
  cert: text,
  key: text,
  passphrase: text,
  serverNames: certificatesByName(certificate),
  caCerts: listOf(text, "a list of PEM texts"),
  alpnProtocols: protocolNames,
  alpnRequired: flag,
  verifyPeer: flag,
  minimumVersion: version,
  maximumVersion: version,
  ciphers: text,
}, forTls);

/** Checked where it is used, as it may be a boolean for some. */
const ssl: Kind<TlsOptions> = anything();
/** Checked by `checkSock` of net/sockets/sockets.ts. */
const sock: Kind<Socket> = anything();

/** What is checked of {@linkcode ConnectOptions}. */
export const connectOptions: OptionsOf<ConnectOptions> = optionsOf("{ limit: 65536 }", {
  limit: plainNumber,
  ssl: anything(),
  serverHostname: text,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
  family,
  proto: oneOf(0, IPPROTO_TCP),
  flags: count,
  localAddr: localEnd,
  sock,
  happyEyeballsDelay: orNull(duration),
  interleave: count,
  signal: abortSignal,
}, forConnections);

/** What is checked of {@linkcode ServeOptions}. */
export const serveOptions: OptionsOf<ServeOptions> = optionsOf("{ backlog: 100 }", {
  limit: plainNumber,
  ssl,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
  family,
  flags: count,
  backlog: count,
  reuseAddress: flag,
  reusePort: flag,
  keepAlive: flag,
  sock,
  cleanupSocket: flag,
  startServing: flag,
}, forServers);

/** What is checked of {@linkcode AcceptedOptions}. */
export const acceptedOptions: OptionsOf<AcceptedOptions> = optionsOf("{ ssl: { cert, key } }", {
  ssl,
  sslHandshakeTimeout: duration,
  sslShutdownTimeout: duration,
}, forServers);

/** What is checked of the options of `writer.startTls`, which knows its side. */
export const upgradeOptions: OptionsOf<Omit<StartTlsOptions, "serverSide">> = optionsOf(
  '{ serverHostname: "example.com" }',
  { serverHostname: text, sslHandshakeTimeout: duration, sslShutdownTimeout: duration },
  { ...forConnections, serverSide: "the writer of a startServer callback is the server" },
);

/** What is checked of {@linkcode StartTlsOptions}. */
export const startTlsOptions: OptionsOf<StartTlsOptions> = optionsOf(
  '{ serverHostname: "example.com" }',
  { ...upgradeOptions.kinds, serverSide: flag },
  forConnections,
);
