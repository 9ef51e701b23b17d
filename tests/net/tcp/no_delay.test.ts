import assert from "node:assert/strict";
import type * as net from "node:net";
import process from "node:process";
import { test } from "node:test";
import { type NetAddress, openConnection, run, startServer } from "../../../mod.ts";

interface DenoNet {
  listen(options: { port: number; hostname: string }): { addr: { port: number }; close(): void };
  connect(options: { port: number; hostname: string }): Promise<{ close(): void }>;
}
interface Probe {
  /** What asked for TCP_NODELAY so far. */
  readonly asked: string[];
  restore(): void;
}

/** Deno's connections are told one by one. */
async function probeDeno({ listen, connect }: DenoNet): Promise<Probe> {
  const listener = listen({ port: 0, hostname: "127.0.0.1" });
  const conn = await connect({ port: listener.addr.port, hostname: "127.0.0.1" });
  const prototype = Object.getPrototypeOf(conn) as { setNoDelay(on?: boolean): void };
  conn.close();
  listener.close();
  const original = prototype.setNoDelay;
  const asked: string[] = [];
  prototype.setNoDelay = function (on?: boolean): void {
    if (on !== false) asked.push("connection");
    original.call(this, on);
  };
  return { asked, restore: () => void (prototype.setNoDelay = original) };
}

/** Node and Bun are told by an option, for accepted connections once for all. */
function probeNode(): Probe {
  const module = process.getBuiltinModule("node:net") as unknown as {
    createServer: (options: net.ServerOpts, ...rest: never[]) => net.Server;
    Socket: {
      prototype: { connect: (options: { noDelay?: boolean }, ...rest: never[]) => unknown };
    };
  };
  const { createServer, Socket: { prototype } } = module;
  const { connect } = prototype;
  const asked: string[] = [];
  module.createServer = (options, ...rest) => {
    if (options.noDelay === true) asked.push("connection");
    return createServer(options, ...rest);
  };
  prototype.connect = function (options, ...rest) {
    if (options.noDelay === true) asked.push("connection");
    return connect.call(this, options, ...rest);
  };
  const restore = (): void => {
    module.createServer = createServer;
    prototype.connect = connect;
  };
  return { asked, restore };
}

test("LOOP-50: TCP_NODELAY is set on connections that are made and that are accepted", async () => {
  const { Deno } = globalThis as unknown as { Deno?: DenoNet };
  const { asked, restore } = Deno === undefined ? probeNode() : await probeDeno(Deno);
  try {
    await run(async () => {
      const server = await startServer(
        async (reader, writer) => {
          writer.write(await reader.readline());
          writer.close();
          await writer.waitClosed();
        },
        "127.0.0.1",
        0,
      );
      const { port } = server.sockets[0]!.getsockname() as NetAddress;
      const [reader, writer] = await openConnection("127.0.0.1", port);
      writer.write("x\n");
      await reader.readline();
      writer.close();
      await writer.waitClosed();
      server.close();
      await server.waitClosed();
    });
  } finally {
    restore();
  }
  assert.deepEqual(asked, ["connection", "connection"]);
});
