/**
 * Pipes as transports: `loop.connectReadPipe` and `loop.connectWritePipe`.
 *
 * @module
 */
import { core } from "../../runtime/core/loop_core.ts";
import type { EventLoop } from "../../loop_interface.ts";
import { describeType } from "../../runtime/base/format.ts";
import { checkCall, makeProtocol } from "../core/arguments.ts";
import { builtin } from "../../runtime/base/platform.ts";
import { CapturedContext } from "../../runtime/core/captured_context.ts";
import { waitForOperation } from "../core/operations.ts";
import type { RawReadable, RawWritable } from "../core/host.ts";
import { openForReading, openForWriting } from "./file_pipes.ts";
import type { ReadablePipe, WritablePipe } from "../../runtime/contract/stream_options.ts";
import type {
  BaseProtocol,
  BufferedProtocol,
  Protocol,
  ReadTransport,
  WriteTransport,
} from "../../runtime/contract/transports.ts";
import { PulledReader } from "./pulled_reader.ts";
import { WebSource, WebWriter } from "./web_pipes.ts";
import { openedTransport } from "../transports/transport_base.ts";
import { ReadPipeTransport, WritePipeTransport } from "./pipe_transports.ts";

/** `loop.connectReadPipe` */
export async function connectReadPipe<P extends Protocol | BufferedProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  pipe: ReadablePipe,
): Promise<[ReadTransport, P]> {
  checkCall(loop, protocolFactory);
  const protocol = makeProtocol(protocolFactory);
  const inner = loop[core];
  const end = await readingEnd(loop, pipe);
  const parts = { pipe: end, protocol, context: CapturedContext.capture(inner), extra: pipe };
  const transport = await openedTransport(
    "a pipe to be connected",
    (made) => new ReadPipeTransport(inner, parts, made),
  );
  return [transport, protocol];
}

/** `loop.connectWritePipe` */
export async function connectWritePipe<P extends BaseProtocol>(
  loop: EventLoop,
  protocolFactory: () => P,
  pipe: WritablePipe,
): Promise<[WriteTransport, P]> {
  checkCall(loop, protocolFactory);
  const protocol = makeProtocol(protocolFactory);
  const inner = loop[core];
  const end = await writingEnd(loop, pipe);
  const parts = { pipe: end, protocol, context: CapturedContext.capture(inner), extra: pipe };
  const transport = await openedTransport("a pipe to be connected", (made) => {
    const transport = new WritePipeTransport(inner, parts, made);
    if (end instanceof WebWriter) end.onFailure = () => transport.readerFailed();
    return transport;
  });
  return [transport, protocol];
}

async function readingEnd(loop: EventLoop, pipe: ReadablePipe): Promise<RawReadable> {
  if (typeof pipe === "string" || pipe instanceof URL) {
    return await waitForOperation(loop[core], openForReading(pipe), `the other end of ${pipe}`);
  }
  refuseFiles(pipe);
  if (isNodeStream(pipe)) {
    const { Readable } = builtin("node:stream");
    return new PulledReader(new WebSource(Readable.toWeb(pipe as never) as ReadableStream, true));
  }
  const stream = pipe instanceof ReadableStream ? pipe : pipe?.readable;
  if (stream instanceof ReadableStream) return new PulledReader(new WebSource(stream, true));
  throw new TypeError(
    `Cannot read from ${
      describeType(pipe)
    }: it must be a pipe. ${PIPES}, process.stdin or a ReadableStream`,
  );
}

async function writingEnd(loop: EventLoop, pipe: WritablePipe): Promise<RawWritable> {
  if (typeof pipe === "string" || pipe instanceof URL) {
    return await waitForOperation(loop[core], openForWriting(pipe), `the other end of ${pipe}`);
  }
  refuseFiles(pipe);
  if (isNodeStream(pipe)) {
    const { Writable } = builtin("node:stream");
    return new WebWriter(Writable.toWeb(pipe as never) as WritableStream);
  }
  const stream = pipe instanceof WritableStream ? pipe : pipe?.writable;
  if (stream instanceof WritableStream) return new WebWriter(stream);
  throw new TypeError(
    `Cannot write to ${
      describeType(pipe)
    }: it must be a pipe. ${PIPES}, process.stdout or a WritableStream`,
  );
}

const PIPES = "Pass the path or file URL of a pipe";

/** `process.stdin`, `process.stdout` and their like. */
function isNodeStream(pipe: unknown): boolean {
  return typeof (pipe as { pipe?: unknown } | null)?.pipe === "function";
}

/** Only for a file that Deno has opened is its kind known. @throws {RangeError} if it is a regular file */
function refuseFiles(pipe: unknown): void {
  const file = pipe as { statSync?(): { isFile: boolean } } | null;
  if (typeof file?.statSync !== "function" || !file.statSync().isFile) return;
  throw new RangeError(
    "Cannot open as a pipe: a pipe, socket or character device is expected, received a regular file",
  );
}
