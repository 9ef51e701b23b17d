/**
 * Sending files: `loop.sendfile` and `loop.sockSendfile`. No runtime offers the system's own call, so the file is copied in large
 * blocks, no more than one ahead of the peer.
 *
 * @module
 */

import type { EventLoop } from "../event_loop.ts";
import { describeType } from "../runtime/_describe.ts";
import { RuntimeError, SendfileNotAvailableError } from "../runtime/exceptions.ts";
import { flag, type OptionsOf, optionsOf } from "../runtime/_options.ts";
import { cannotSend } from "./_address_forms.ts";
import { type FileSource, openSource } from "./_file_source.ts";
import { waitForHost } from "./_host_wait.ts";
import { netLoop } from "./_net_loop.ts";
import { FileSender } from "./_file_sender.ts";
import { sendWhole } from "./socket_calls.ts";
import { kindOf, SOCK_STREAM, type Socket } from "./sockets.ts";
import { StreamTransport } from "./stream_transport.ts";
import type { WriteTransport } from "./transports.ts";

/** Which part of a file is sent, and whether it may be copied through memory. */
export interface SendfileOptions {
  /** False: only by the system's own call, which no runtime offers (SendfileNotAvailableError). @default {true} */
  fallback?: boolean;
}

/** What is checked of {@linkcode SendfileOptions}. */
const sendfileOptions: OptionsOf<SendfileOptions> = optionsOf(
  "{ fallback: false }",
  { fallback: flag },
  {
    offset: "offset and count come before the options, as in sendfile(transport, file, 0, null)",
    count: "offset and count come before the options, as in sendfile(transport, file, 0, null)",
  },
);

/** What one read asks for. */
const BLOCK = 256 * 1024;

/** `loop.sendfile` */
export async function sendfile(
  loop: EventLoop,
  transport: WriteTransport,
  file: string | URL | Blob,
  offset: number = 0,
  count: number | null = null,
  options: SendfileOptions = {},
): Promise<number> {
  sendfileOptions.check(options, "sendfile()");
  checkRange(offset, count);
  requireOpenTransport(transport);
  if (!(transport instanceof StreamTransport)) {
    const hint = "transport" in transport ? ": pass writer.transport" : "";
    throw new RuntimeError(`sendfile is not supported for transport ${transport}${hint}`);
  }
  if (options.fallback === false) throw notAvailable(transport);
  return await transport.files.run("sendfile()", async () => {
    const source = await open(loop, file);
    try {
      // It may have been closed while others sent, or while the file was opened.
      requireOpenTransport(transport);
      const sender = new FileSender(transport);
      try {
        return await copy(loop, source, offset, count, (block) => sender.send(block));
      } finally {
        sender.restore();
      }
    } finally {
      source.close();
    }
  });
}

function requireOpenTransport(transport: WriteTransport): void {
  if (!transport.isClosing()) return;
  throw new RuntimeError(cannotSend("Transport is closing", transport.getExtraInfo("peername")));
}

/** `loop.sockSendfile` */
export async function sockSendfile(
  loop: EventLoop,
  sock: Socket,
  file: string | URL | Blob,
  offset: number = 0,
  count: number | null = null,
  options: SendfileOptions = {},
): Promise<number> {
  sendfileOptions.check(options, "sockSendfile()");
  if (kindOf(sock).type !== SOCK_STREAM) {
    throw new RangeError(`Only stream sockets can send files, got ${sock}`);
  }
  checkRange(offset, count);
  if (options.fallback === false) throw noSystemCall();
  const source = await open(loop, file);
  try {
    return await copy(loop, source, offset, count, (block) => sendWhole(sock, block));
  } finally {
    source.close();
  }
}

async function copy(
  loop: EventLoop,
  source: FileSource,
  offset: number,
  count: number | null,
  send: (block: Uint8Array) => Promise<void>,
): Promise<number> {
  let sent = 0;
  for (;;) {
    const size = count === null ? BLOCK : Math.min(BLOCK, count - sent);
    if (size === 0) return sent;
    const reading = source.read(offset + sent, size);
    const block = await waitForHost(netLoop(loop), reading, "a file to be read");
    if (block.length === 0) return sent;
    await send(block);
    sent += block.length;
  }
}

function open(loop: EventLoop, file: string | URL | Blob): Promise<FileSource> {
  return waitForHost(netLoop(loop), openSource(file), "a file to be opened", {
    tooLate: (source) => source.close(),
  });
}

function checkRange(offset: number, count: number | null): void {
  if (!Number.isInteger(offset)) {
    throw new TypeError(`offset must be a non-negative integer (got ${describeType(offset)})`);
  }
  if (offset < 0) throw new RangeError(`offset must be a non-negative integer (got ${offset})`);
  if (count === null) return;
  if (!Number.isInteger(count)) {
    throw new TypeError(`count must be a positive integer (got ${describeType(count)})`);
  }
  if (count <= 0) throw new RangeError(`count must be a positive integer (got ${count})`);
}

/** As in CPython: over TLS the system's call could never do, else it just is not there. */
function notAvailable(transport: StreamTransport): RuntimeError {
  if (transport.canWriteEof()) return noSystemCall();
  return new RuntimeError(
    `fallback is disabled and native sendfile is not supported for transport ${transport}`,
  );
}

function noSystemCall(): SendfileNotAvailableError {
  return new SendfileNotAvailableError(
    "The runtime does not offer the system's sendfile: leave fallback on to copy the file",
  );
}
