/**
 * What connecting, serving and `startTls` take. One module for the three, so that wherever a stream transport is, `startTls` is
 * loaded already: if it had to be waited for, the peer's handshake would arrive meanwhile and be taken for data.
 *
 * @module
 */
export { connectToHost, connectToPath, takeConnected, takeConnectedUnix } from "./connecting.ts";
export { serveHost, servePath, serveSocket, serveUnixSocket } from "./serving.ts";
export { LeftOpen } from "./streams/left_open.ts";
export { startTls } from "./transports/start_tls.ts";
