/**
 * A handler for Deno.serve, Bun.serve and node:http that uses timeouts, groups and locks. There is no `run()`: the server is the
 * runtime's own, and asyncio's functions work in its handlers as they are.
 *
 *     deno run -A examples/serve_handlers.ts --port=8000
 *     curl localhost:8000/both
 */
import { createServer } from "node:http";
import process from "node:process";
import * as asyncio from "../mod.ts";
import { numberOf, parse, UsageError } from "./_program.ts";

const lock = new asyncio.Lock();
let visits = 0;

/** `left` aborts when the client has gone, where the server tells. */
export async function handler(
  request: Request,
  left: AbortSignal = asyncio.currentSignal(), // never, here
): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  try {
    // No answer takes longer than a second, whatever it waits for; and none outlives its client.
    const body = await asyncio.withSignal(left, () =>
      asyncio.timeout(1).with(() => {
        if (pathname === "/wait") return wait(searchParams.get("seconds"));
        if (pathname === "/both") return both();
        if (pathname === "/visit") return visit();
        throw new RangeError(`There is no ${pathname}; there are /wait, /both and /visit.`);
      }));
    return new Response(`${body}\n`);
  } catch (error) {
    if (error instanceof asyncio.TimeoutError) return new Response("too slow\n", { status: 504 });
    if (error instanceof RangeError) return new Response(`${error.message}\n`, { status: 404 });
    if (left.aborted) return new Response(null, { status: 499 });
    throw error;
  }
}

/** Something slow. */
async function wait(seconds: string | null): Promise<string> {
  const number = Number(seconds ?? "0.1");
  if (!(number >= 0)) throw new RangeError(`"${seconds}" is no number of seconds.`);
  await asyncio.sleep(number);
  return `waited ${number} s`;
}

/** Two questions at once: both answers, or neither. */
async function both(): Promise<string> {
  const [user, orders] = await new asyncio.TaskGroup().with((group) =>
    [
      group.createTask(() => asyncio.sleep(0.02, "ann")),
      group.createTask(() => asyncio.sleep(0.01, 3)),
    ] as const
  );
  return `${user.result()} has ${orders.result()} orders`;
}

/** Read, wait, write: without the lock two requests would count as one. */
async function visit(): Promise<string> {
  return await lock.with(async () => {
    const before = visits;
    await asyncio.sleep(0.005); // a database, say
    visits = before + 1;
    return `visit ${visits}`;
  });
}

interface Served {
  port: number;
  stop(): void | Promise<void>;
}

/** What of Bun's server is used here. */
interface BunServer {
  port: number;
  stop(closeConnections: boolean): Promise<void>;
}

async function serve(port: number): Promise<Served> {
  const hostname = "127.0.0.1";
  if ("Deno" in globalThis) {
    // Deno's request.signal is not used: it also aborts after answers that were delivered well.
    const server = Deno.serve({ hostname, port, onListen() {} }, (request) => handler(request));
    return { port: server.addr.port, stop: () => server.shutdown() };
  }
  const bun = (globalThis as { Bun?: { serve(options: object): BunServer } }).Bun;
  if (bun !== undefined) {
    const fetch = (request: Request): Promise<Response> => handler(request, request.signal);
    const server = bun.serve({ hostname, port, fetch });
    return { port: server.port, stop: () => server.stop(true) };
  }
  return await serveOnNode(hostname, port);
}

/** Node's own server knows no Request and Response; this is enough of a bridge for answers in text. */
async function serveOnNode(hostname: string, port: number): Promise<Served> {
  const server = createServer(async (incoming, outgoing) => {
    const left = new AbortController();
    outgoing.on("close", () => left.abort());
    const url = `http://${incoming.headers.host}${incoming.url}`;
    const response = await handler(new Request(url), left.signal);
    outgoing.writeHead(response.status).end(await response.text());
  });
  const listening = new asyncio.Future<void>();
  server.once("error", (error) => listening.setException(error));
  server.listen(port, hostname, () => listening.setResult());
  await listening;
  return {
    port: (server.address() as { port: number }).port,
    stop() {
      server.close();
      server.closeAllConnections();
    },
  };
}

try {
  const { options } = parse(process.argv.slice(2), { port: "8000" });
  const server = await serve(numberOf(options.port, "The port", 0, 65535));
  console.log(`listening on http://127.0.0.1:${server.port}/`);
  process.once("SIGINT", () => {
    console.error("\nInterrupted: no more requests are taken.");
    process.exitCode = 130;
    void Promise.resolve(server.stop()).then(() => process.exit());
  });
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nUsage: serve_handlers.ts [--port=8000]`);
  process.exitCode = 2;
}
