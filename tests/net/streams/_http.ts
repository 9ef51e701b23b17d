/** As much of HTTP/1.1 as the tests with real peers need, over streams. */
import type { StreamReader, StreamWriter } from "../../../mod.ts";
import { bytes, pattern, text } from "../../_support/streams.ts";

export interface Message {
  /** The request line or the status line. */
  readonly first: string;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** What `/big` answers. */
export const BIG: Uint8Array = pattern(3_000_000);

/** The next message with its body; null at the end of the stream. */
export async function readMessage(
  reader: StreamReader,
  options: { bodiless?: boolean; headRead?: (headers: ReadonlyMap<string, string>) => void } = {},
): Promise<Message | null> {
  const first = text(await reader.readline()).trimEnd();
  if (first === "") return null;
  const headers = new Map<string, string>();
  for (let line; (line = text(await reader.readuntil("\r\n")).trimEnd()) !== "";) {
    const [name = "", value = ""] = line.split(/:\s*(.*)/s);
    headers.set(name.toLowerCase(), value);
  }
  options.headRead?.(headers);
  if (options.bodiless === true) return { first, headers, body: new Uint8Array(0) };
  const body = headers.get("transfer-encoding") === "chunked"
    ? await readChunks(reader)
    : await reader.readexactly(Number(headers.get("content-length") ?? 0));
  return { first, headers, body };
}

async function readChunks(reader: StreamReader): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const size = parseInt(text(await reader.readline()), 16);
    const chunk = await reader.readexactly(size);
    await reader.readuntil("\r\n");
    if (size === 0) return new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    chunks.push(chunk);
  }
}

/**
 * A server for `startServer`: `/hello` greets, `/big` is big, `/echo` sends the request's body back in chunks;
 * connections are kept.
 */
export async function serveHttp(reader: StreamReader, writer: StreamWriter): Promise<void> {
  const headRead = (headers: ReadonlyMap<string, string>): void => {
    if (headers.get("expect") === "100-continue") writer.write("HTTP/1.1 100 Continue\r\n\r\n");
  };
  for (let request; (request = await readMessage(reader, { headRead })) !== null;) {
    const [, path, version] = request.first.split(" ");
    if (path === "/echo") await sendChunks(writer, request.body);
    else if (path === "/hello") await send(writer, "200 OK", bytes("hello\n"));
    else if (path === "/big") await send(writer, "200 OK", BIG);
    else await send(writer, "404 Not Found", bytes("not here\n"));
    if (version === "HTTP/1.0" || request.headers.get("connection") === "close") break;
  }
  writer.close();
  await writer.waitClosed();
}

async function send(writer: StreamWriter, status: string, body: Uint8Array): Promise<void> {
  writer.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}\r\n\r\n`);
  writer.write(body);
  await writer.drain();
}

async function sendChunks(writer: StreamWriter, body: Uint8Array): Promise<void> {
  writer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let at = 0; at < body.length; at += 50_000) {
    const chunk = body.subarray(at, at + 50_000);
    writer.writelines([`${chunk.length.toString(16)}\r\n`, chunk, "\r\n"]);
    await writer.drain();
  }
  writer.write("0\r\n\r\n");
}

/** Sends a request; the answer is to be read with `readMessage`. */
export function request(
  writer: StreamWriter,
  path: string,
  options: { method?: string; body?: Uint8Array } = {},
): void {
  const { method = "GET", body } = options;
  const length = body === undefined ? "" : `Content-Length: ${body.length}\r\n`;
  writer.write(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\n${length}\r\n`);
  if (body !== undefined) writer.write(body);
}
