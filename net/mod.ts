/**
 * Connections, servers, streams, transports and protocols: the net of asyncio.
 *
 * @module
 */
export type {
  Address,
  AddressLike,
  NetAddress,
  Socket as AbstractSocket,
  UnixAddress,
} from "../runtime/contract/sockets.ts";
export type { DatagramOptions } from "../runtime/contract/datagram_options.ts";
export type { AddressInfo, AddressInfoOptions } from "../runtime/contract/sockets.ts";
export type {
  AcceptedOptions,
  ConnectOptions,
  SendfileOptions,
  ServeOptions,
} from "../runtime/contract/stream_options.ts";
export type { StartTlsOptions } from "../runtime/contract/tls_options.ts";
export type { TlsCertificate, TlsOptions, TlsVersion } from "../runtime/contract/tls_options.ts";
export type { ReadablePipe, WritablePipe } from "../runtime/contract/stream_options.ts";
export type { DatagramProtocol } from "../runtime/contract/transports.ts";
export type { BaseProtocol, BufferedProtocol, Protocol } from "../runtime/contract/transports.ts";
export { Server } from "./tcp/server.ts";
export type { Server as AbstractServer } from "../runtime/contract/servers.ts";
export {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  IPPROTO_TCP,
  IPPROTO_UDP,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "./core/addresses.ts";
export { Socket } from "./sockets/sockets.ts";
export { StreamReader } from "./streams/stream_reader.ts";
export { type ClientConnected, StreamReaderProtocol } from "./streams/stream_reader_protocol.ts";
export { StreamWriter } from "./streams/stream_writer.ts";
export { openConnection, openUnixConnection, startServer, startUnixServer } from "./streams.ts";
export type { DatagramTransport } from "../runtime/contract/transports.ts";
export type {
  BaseTransport,
  ReadTransport,
  Transport,
  WriteTransport,
} from "../runtime/contract/transports.ts";
export type { ExtraInfo } from "../runtime/contract/extra_info.ts";
