/** The limit of the runtimes' own servers: node:net, node:tls and node:readline. It serves the rows of both flavours. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { createServer as createTlsServer } from "node:tls";
import { certificate, listening, serve } from "./_serve.ts";

function echo(socket: Socket): void {
  socket.on("data", (data) => {
    if (socket.write(data)) return;
    socket.pause();
    socket.once("drain", () => socket.resume());
  });
  socket.on("error", ignoreReset);
}

function sink(socket: Socket): void {
  socket.resume();
  socket.on("end", () => socket.end(new Uint8Array(1)));
}

async function lines(socket: Socket): Promise<void> {
  let count = 0;
  for await (const line of createInterface({ input: socket })) count += line.length > 0 ? 1 : 0;
  socket.end(new Uint8Array(count > 0 ? 1 : 0));
}

/** The client of the connections row resets instead of closing. */
function ignoreReset(error: NodeJS.ErrnoException): void {
  if (error.code !== "ECONNRESET") throw error;
}

function listen(server: Server): void {
  server.listen(0, "127.0.0.1", () => listening((server.address() as AddressInfo).port));
}

const plain = { noDelay: true };

await serve({
  "echo": () => listen(createServer(plain, echo)),
  "sink": () => listen(createServer({ ...plain, allowHalfOpen: true }, sink)),
  "lines": () => listen(createServer({ ...plain, allowHalfOpen: true }, lines)),
  "tls echo": () => listen(createTlsServer({ ...plain, ...certificate() }, echo)),
});
