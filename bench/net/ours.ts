/** The servers of the net rows on this library: with streams or with a protocol. */
import * as asyncio from "../../mod.ts";
import { certificate, listening, serve } from "./_serve.ts";

interface Flavours {
  streams: asyncio.ClientConnected;
  protocol?: () => asyncio.Protocol;
}

const answer = new Uint8Array(1);

const echo: Flavours = {
  streams: async (reader, writer) => {
    try {
      for (let data = await reader.read(65536); data.length > 0; data = await reader.read(65536)) {
        writer.write(data);
        await writer.drain();
      }
    } catch (error) {
      // The client of the connections row resets instead of closing.
      if (!(error instanceof asyncio.ConnectionResetError)) throw error;
    }
    writer.close();
  },
  protocol: () => {
    let transport: asyncio.Transport;
    return {
      connectionMade(made: asyncio.Transport): void {
        transport = made;
      },
      dataReceived(data: Uint8Array): void {
        transport.write(data);
      },
    };
  },
};

const sink: Flavours = {
  streams: async (reader, writer) => {
    while ((await reader.read(65536)).length > 0);
    writer.write(answer);
    writer.close();
  },
  protocol: () => {
    let transport: asyncio.Transport;
    return {
      connectionMade(made: asyncio.Transport): void {
        transport = made;
      },
      dataReceived(): void {},
      eofReceived(): void {
        transport.write(answer);
      },
    };
  },
};

const lines: Flavours = {
  streams: async (reader, writer) => {
    while ((await reader.readline()).length > 0);
    writer.write(answer);
    writer.close();
  },
};

const start = (flavours: Flavours, options: asyncio.ServeOptions = {}) => (row: string) =>
  asyncio.run(async () => {
    const { streams, protocol } = flavours;
    const server = row.endsWith("protocol")
      ? await asyncio.getRunningLoop().createServer(protocol!, "127.0.0.1", 0, options)
      : await asyncio.startServer(streams, "127.0.0.1", 0, options);
    listening((server.sockets[0]!.getsockname() as asyncio.NetAddress).port);
    await server.serveForever();
  });

await serve({
  "echo": start(echo),
  "sink": start(sink),
  "lines": start(lines),
  "tls echo": (row) => start(echo, { ssl: certificate() })(row),
});
