/** What `loop.connectReadPipe` reads from: a path (FIFO, device), a web stream, or an open file of the runtime. */
export type ReadablePipe =
  | string
  | URL
  | ReadableStream<Uint8Array>
  | { readonly readable: ReadableStream<Uint8Array> };

/** What `loop.connectWritePipe` writes to: a path (FIFO, device), a web stream, or an open file of the runtime. */
export type WritablePipe =
  | string
  | URL
  | WritableStream<Uint8Array>
  | { readonly writable: WritableStream<Uint8Array> };
