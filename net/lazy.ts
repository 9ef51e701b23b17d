import { LazyModule } from "../runtime/core/lazy_module.ts";

// Loaded by the first call that needs it. Each of these brings the runtime's host along; what they share is loaded once.

/** Behind `createConnection`, `createServer`, `startTls` and their like. */
export const streamCalls: LazyModule<typeof import("./loaded_stream_calls.ts")> = new LazyModule(
  "the code for connections",
  () => import("./loaded_stream_calls.ts"),
  true,
);

/** Behind `createDatagramEndpoint`. */
export const datagramCalls: LazyModule<typeof import("./datagrams/datagram_endpoint.ts")> =
  new LazyModule(
    "the code for datagrams",
    () => import("./datagrams/datagram_endpoint.ts"),
    true,
  );

/** Behind `connectReadPipe` and `connectWritePipe`. */
export const pipeCalls: LazyModule<typeof import("./pipes/connect_pipes.ts")> = new LazyModule(
  "the code for pipes",
  () => import("./pipes/connect_pipes.ts"),
  true,
);

/** Behind `sendfile` and `sockSendfile`. */
export const fileCalls: LazyModule<typeof import("./transports/sendfile.ts")> = new LazyModule(
  "the code for files",
  () => import("./transports/sendfile.ts"),
  true,
);

/** Behind `getaddrinfo` and `getnameinfo`. */
export const nameCalls: LazyModule<typeof import("./names/dns.ts")> = new LazyModule(
  "the code for names",
  () => import("./names/dns.ts"),
  true,
);

/** Behind `sockConnect`, `sockRecv` and their like. */
export const socketCalls: LazyModule<typeof import("./sockets/socket_calls.ts")> = new LazyModule(
  "the code for sockets",
  () => import("./sockets/socket_calls.ts"),
  true,
);
