/**
 * An HTTP/1.1 server for the files of a folder: keep-alive, HEAD, proper errors. On Ctrl-C or SIGTERM it stops listening,
 * finishes the answers it has begun, and ends.
 *
 *     deno run -A examples/http_file_server.ts docs --port=8080
 */
import { realpath, stat } from "node:fs/promises";
import { extname, join, sep } from "node:path";
import * as asyncio from "../mod.ts";
import { numberOf, parse, portOf, program, text, UsageError } from "./_program.ts";

const types: Record<string, string> = {
  ".html": "text/html; charset=utf-8",
  ".json": "application/json",
  ".md": "text/markdown; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".png": "image/png",
};

/** An answer other than 200; its message is the status. */
class Refusal extends Error {}

type Reader = asyncio.StreamReader;
type Writer = asyncio.StreamWriter;

const stop = new asyncio.Event();
/** Connections between two requests: they can be closed at once. */
const idle = new Set<Writer>();
let answered = 0;

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { port: "8080" });
  if (rest.length !== 1) throw new UsageError("Which folder?");
  const root = await realpath(rest[0]!).catch(() => null);
  if (root === null) throw new UsageError(`There is no folder "${rest[0]}".`);
  const server = await asyncio.startServer(
    (reader, writer) => serve(root, reader, writer),
    "127.0.0.1",
    numberOf(options.port, "The port", 0, 65535),
  );
  asyncio.getRunningLoop().addSignalHandler("SIGTERM", () => stop.set());
  console.log(`serving ${root} on http://127.0.0.1:${portOf(server)}/`);
  try {
    await stop.wait();
  } finally {
    await shutDown(server);
  }
}

async function shutDown(server: asyncio.Server): Promise<void> {
  stop.set();
  server.close();
  for (const writer of idle) writer.close();
  try {
    await asyncio.timeout(10).with(() => server.waitClosed());
  } catch (error) {
    if (!(error instanceof asyncio.TimeoutError)) throw error;
    server.abortClients();
  }
  console.log(`stopped after ${answered} answers`);
}

/** One connection: request after request, until one side has enough. */
async function serve(root: string, reader: Reader, writer: Writer): Promise<void> {
  try {
    while (!stop.isSet()) {
      idle.add(writer);
      const head = await asyncio.timeout(15).with(() => reader.readuntil("\r\n\r\n"));
      idle.delete(writer);
      if (!await answer(root, text(head), writer)) break;
    }
  } catch (error) {
    if (error instanceof asyncio.LimitOverrunError) {
      await sendText(writer, "431 Request Header Fields Too Large", true, false);
    } else if (!isTheirs(error)) throw error;
  } finally {
    idle.delete(writer);
    writer.close();
  }
}

/** A peer that vanished, or fell silent. */
function isTheirs(error: unknown): boolean {
  return error instanceof asyncio.ConnectionError || error instanceof asyncio.TimeoutError ||
    error instanceof asyncio.IncompleteReadError;
}

/** Whether the connection may go on. */
async function answer(root: string, head: string, writer: Writer): Promise<boolean> {
  const [method = "", target = "", version = ""] = head.split("\r\n", 1)[0]!.split(" ");
  const wantsClose = /^connection:\s*close/im.test(head) || version !== "HTTP/1.1";
  const hasBody = /^(content-length:\s*[1-9]|transfer-encoding:)/im.test(head);
  const keep = !wantsClose && !hasBody && !stop.isSet();
  try {
    if (!/^HTTP\/1\.[01]$/.test(version)) throw new Refusal("400 Bad Request");
    if (method !== "GET" && method !== "HEAD") throw new Refusal("405 Method Not Allowed");
    await sendFile(writer, await find(root, target), method === "GET", keep);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    await sendText(writer, error.message, method !== "HEAD", keep);
  }
  answered++;
  return keep;
}

/** The file behind a target, which must not lead out of the folder. */
async function find(root: string, target: string): Promise<string> {
  try {
    const path = decodeURIComponent(new URL(target, "http://localhost").pathname);
    let file = await realpath(join(root, path));
    if (file !== root && !file.startsWith(root + sep)) throw new Refusal("403 Forbidden");
    if ((await stat(file)).isDirectory()) file = await realpath(join(file, "index.html"));
    return file;
  } catch (error) {
    throw error instanceof Refusal ? error : new Refusal("404 Not Found");
  }
}

async function sendFile(writer: Writer, path: string, withBody: boolean, keep: boolean) {
  const { size } = await stat(path);
  writer.write(headOf("200 OK", types[extname(path)] ?? "application/octet-stream", size, keep));
  await writer.drain();
  if (!withBody) return;
  // Piece by piece, as fast as the peer takes it.
  const sent = await asyncio.getRunningLoop().sendfile(writer.transport, path, 0, size);
  if (sent < size) writer.transport.abort(); // the file has become shorter: the answer can't be kept
}

async function sendText(writer: Writer, status: string, withBody: boolean, keep: boolean) {
  writer.write(headOf(status, types[".txt"]!, status.length + 1, keep));
  if (withBody) writer.write(`${status}\n`);
  await writer.drain();
}

function headOf(status: string, type: string, length: number, keep: boolean): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\n` +
    `Connection: ${keep ? "keep-alive" : "close"}\r\n\r\n`;
}

await program("http_file_server.ts FOLDER [--port=8080]", main);
