/** The limit on Deno: a plain loop around `Deno.listen`. It serves the rows of both flavours. */
import { certificate, listening, serve } from "./_serve.ts";

async function echo(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65536);
  for (let n = await connection.read(buffer); n !== null; n = await connection.read(buffer)) {
    let data = buffer.subarray(0, n);
    while (data.length > 0) data = data.subarray(await connection.write(data));
  }
  connection.close();
}

async function sink(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65536);
  while (await connection.read(buffer) !== null);
  await connection.write(new Uint8Array(1));
  connection.close();
}

async function accept(listener: Deno.Listener, work: typeof echo): Promise<void> {
  listening((listener.addr as Deno.NetAddr).port);
  for await (const connection of listener) {
    work(connection).catch((error) => {
      // The client of the connections row resets instead of closing.
      if (!(error instanceof Deno.errors.ConnectionReset)) throw error;
      connection.close();
    });
  }
}

const address = { hostname: "127.0.0.1", port: 0 };

await serve({
  "echo": () => accept(Deno.listen(address), echo),
  "sink": () => accept(Deno.listen(address), sink),
  "tls echo": () => accept(Deno.listenTls({ ...address, ...certificate() }), echo),
});
