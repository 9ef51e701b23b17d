/**
 * What connecting, serving and `startTls` take. One module for the three, so that wherever a stream transport is, `startTls` is
 * loaded already: if it had to be waited for, the peer's handshake would arrive meanwhile and be taken for data.
 *
 * @module
 */
export { connectToHost, connectToPath, takeConnected, takeConnectedUnix } from "./_connecting.ts";
export { serveHost, servePath, serveSocket, serveUnixSocket } from "./_serving.ts";
export { LeftOpen } from "./_left_open.ts";
export { startTls } from "./start_tls.ts";
