import { LazyModule } from "../runtime/_lazy.ts";

// What only those need who use the net. Each of these brings the runtime's host along; what they share is loaded once.

/** Behind `createConnection`, `createServer`, `startTls` and their like. */
export const streamCalls: LazyModule<typeof import("./_stream_calls.ts")> = new LazyModule(
  "the code for connections",
  () => import("./_stream_calls.ts"),
  true,
);

/** Behind `createDatagramEndpoint`. */
export const datagramCalls: LazyModule<typeof import("./datagram_endpoint.ts")> = new LazyModule(
  "the code for datagrams",
  () => import("./datagram_endpoint.ts"),
  true,
);

/** Behind `connectReadPipe` and `connectWritePipe`. */
export const pipeCalls: LazyModule<typeof import("./connect_pipes.ts")> = new LazyModule(
  "the code for pipes",
  () => import("./connect_pipes.ts"),
  true,
);

/** Behind `sendfile` and `sockSendfile`. */
export const fileCalls: LazyModule<typeof import("./sendfile.ts")> = new LazyModule(
  "the code for files",
  () => import("./sendfile.ts"),
  true,
);

/** Behind `getaddrinfo` and `getnameinfo`. */
export const nameCalls: LazyModule<typeof import("./dns.ts")> = new LazyModule(
  "the code for names",
  () => import("./dns.ts"),
  true,
);

/** Behind `sockConnect`, `sockRecv` and their like. */
export const socketCalls: LazyModule<typeof import("./socket_calls.ts")> = new LazyModule(
  "the code for sockets",
  () => import("./socket_calls.ts"),
  true,
);
