/** The limit on Bun: `Bun.listen`. It serves the rows of both flavours. */
import { certificate, listening, serve } from "./_serve.ts";

interface BunSocket {
  write(data: Uint8Array): number;
  end(): void;
  data: Uint8Array[];
}

interface BunHandlers {
  open?(socket: BunSocket): void;
  data(socket: BunSocket, data: Uint8Array): void;
  drain?(socket: BunSocket): void;
  end?(socket: BunSocket): void;
}

const { Bun } = globalThis as unknown as {
  Bun: {
    listen(options: {
      hostname: string;
      port: number;
      allowHalfOpen?: boolean;
      tls?: { cert: string; key: string };
      socket: BunHandlers;
    }): { port: number };
  };
};

/** Writes what the kernel takes now; the rest waits in `socket.data` for the next drain. */
function write(socket: BunSocket, data: Uint8Array): void {
  const taken = socket.data.length > 0 ? 0 : socket.write(data);
  if (taken < data.length) socket.data.push(data.slice(taken));
}

const echo: BunHandlers = {
  open(socket) {
    socket.data = [];
  },
  data: write,
  drain(socket) {
    const waiting = socket.data;
    socket.data = [];
    for (const data of waiting) write(socket, data);
  },
};

const sink: BunHandlers = {
  data() {},
  end(socket) {
    socket.write(new Uint8Array(1));
    socket.end();
  },
};

const address = { hostname: "127.0.0.1", port: 0 };

await serve({
  "echo": () => listening(Bun.listen({ ...address, socket: echo }).port),
  "sink": () => listening(Bun.listen({ ...address, allowHalfOpen: true, socket: sink }).port),
  "tls echo": () => listening(Bun.listen({ ...address, tls: certificate(), socket: echo }).port),
});
