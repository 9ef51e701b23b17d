/**
 * Takes TLS off: accepts encrypted connections and passes them on, in the clear, to a server behind it.
 *
 *     deno run -A examples/tls_proxy.ts --port=8443 --cert=cert.pem --key=key.pem 127.0.0.1:8080
 */
import { readFile } from "node:fs/promises";
import * as asyncio from "../mod.ts";
import { addressOf, numberOf, parse, portOf, program, UsageError } from "./_program.ts";

let open = 0;

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { port: "8443", cert: "", key: "", idle: "300" });
  if (rest.length !== 1) throw new UsageError("Which server is behind it?");
  const target = addressOf(rest[0]!);
  const idle = numberOf(options.idle, "--idle", 0.001, 86_400);
  const [cert, key] = [await pem(options.cert, "--cert"), await pem(options.key, "--key")];
  const server = await asyncio.startServer(
    (reader, writer) => serve(reader, writer, target, idle),
    "127.0.0.1",
    numberOf(options.port, "The port", 0, 65535),
    { ssl: { cert, key }, sslHandshakeTimeout: 10 },
  );
  // Clients that fail their handshake are nothing to worry about; anything else is.
  asyncio.getRunningLoop().setExceptionHandler((loop, context) => {
    if (context.exception instanceof asyncio.OSError) console.error(context.exception.message);
    else loop.defaultExceptionHandler(context);
  });
  console.log(`TLS on 127.0.0.1:${portOf(server)}, passed on to ${rest[0]}`);
  await server.with(async () => {
    try {
      await new asyncio.Event().wait(); // until Ctrl-C
    } finally {
      console.log(`closing ${open} connections`);
      server.abortClients();
    }
  });
}

async function pem(path: string, option: string): Promise<string> {
  if (path === "") throw new UsageError(`${option} is missing.`);
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`${option}: "${path}" can't be read (${(error as Error).message}).`);
  }
}

/** One client: both directions at once, until both have ended or one has failed. */
async function serve(
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
  target: { host: string; port: number },
  idle: number,
): Promise<void> {
  open++;
  let behind: asyncio.StreamWriter | null = null;
  try {
    const [answers, requests] = await asyncio.timeout(10)
      .with(() => asyncio.openConnection(target.host, target.port));
    behind = requests;
    await new asyncio.TaskGroup().with((group) => {
      group.createTask(() => copy(reader, requests, idle));
      // When the server has said all, TLS has no half-open state to leave: the connection ends.
      group.createTask(() => copy(answers, writer, idle).then(() => group.cancel()));
    });
  } catch (error) {
    // One side has gone, or both were silent for too long.
    const reasons = error instanceof asyncio.ExceptionGroup ? error.leaves() : [error];
    if (!reasons.every(isTheirs)) throw error;
    console.error(`connection ended: ${(reasons[0] as Error).message || "nothing was said"}`);
  } finally {
    open--;
    behind?.close();
    writer.close();
  }
}

function isTheirs(error: unknown): boolean {
  return error instanceof asyncio.OSError || error instanceof asyncio.TimeoutError;
}

/** Passes on what comes, as fast as the slower side takes it. */
async function copy(
  from: asyncio.StreamReader,
  to: asyncio.StreamWriter,
  idle: number,
): Promise<void> {
  while (true) {
    const chunk = await asyncio.timeout(idle).with(() => from.read(65536));
    if (chunk.length === 0) break;
    to.write(chunk);
    await to.drain();
  }
  if (to.canWriteEof()) to.writeEof();
}

await program("tls_proxy.ts --cert=FILE --key=FILE [--port=8443] [--idle=300] HOST:PORT", main);
