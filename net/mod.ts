/**
 * Connections, servers, streams, transports and protocols: the net of asyncio.
 *
 * @module
 */
export type { Address, AddressLike, NetAddress, UnixAddress } from "./addresses.ts";
export type {
  ConnectOptions,
  ServeOptions,
  TlsCertificate,
  TlsOptions,
  TlsVersion,
} from "./options.ts";
export type { ReadablePipe, WritablePipe } from "./pipes.ts";
export type { BaseProtocol, BufferedProtocol, DatagramProtocol, Protocol } from "./protocols.ts";
export { Server } from "./server.ts";
export {
  AI_ADDRCONFIG,
  AI_ALL,
  AI_CANONNAME,
  AI_NUMERICHOST,
  AI_NUMERICSERV,
  AI_PASSIVE,
  AI_V4MAPPED,
  IPPROTO_TCP,
  IPPROTO_UDP,
} from "./_socket_state.ts";
export { AF_INET, AF_INET6, AF_UNIX, SOCK_DGRAM, SOCK_STREAM, Socket } from "./sockets.ts";
export { StreamReader } from "./stream_reader.ts";
export { type ClientConnected, StreamReaderProtocol } from "./stream_reader_protocol.ts";
export { StreamWriter } from "./stream_writer.ts";
export { openConnection, openUnixConnection, startServer, startUnixServer } from "./streams.ts";
export type {
  BaseTransport,
  DatagramTransport,
  ExtraInfo,
  ReadTransport,
  Transport,
  WriteTransport,
} from "./transports.ts";
