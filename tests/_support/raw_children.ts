import type { RawReadable, RawWritable } from "../../net/core/host.ts";
import { host } from "../../subprocess/start_process.ts";
import type { RawChild, SpawnRequest } from "../../subprocess/core/host.ts";

/** A request for a shell script with nothing piped, but for what `changes` says. */
export function script(text: string, changes: Partial<SpawnRequest> = {}): SpawnRequest {
  return {
    program: "/bin/sh",
    args: ["-c", text],
    stdin: "null",
    stdout: "null",
    stderr: "null",
    cwd: null,
    env: null,
    uid: null,
    gid: null,
    newSession: false,
    ...changes,
  };
}

export function spawn(request: SpawnRequest): Promise<RawChild> {
  return host.spawn(request);
}

export function ended(child: RawChild): Promise<number> {
  return new Promise((resolve) => child.onExit(resolve));
}

/** Reads to the end of the stream. */
export function readAll(pipe: RawReadable | null): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    pipe!.startReading({
      onData: (chunk) => void chunks.push(chunk),
      onEof: () => resolve(join(chunks)),
      onError: reject,
    });
  });
}

export async function readText(pipe: RawReadable | null): Promise<string> {
  return new TextDecoder().decode(await readAll(pipe));
}

/** The first chunk; reading is stopped after it. */
export function readSome(pipe: RawReadable | null): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pipe!.startReading({
      onData(chunk) {
        pipe!.stopReading();
        resolve(chunk);
      },
      onEof: () => resolve(new Uint8Array(0)),
      onError: reject,
    });
  });
}

/** Resolves with the error, or null. */
export function write(pipe: RawWritable | null, chunk: Uint8Array): Promise<Error | null> {
  return new Promise((resolve) => {
    if (pipe!.write(chunk, resolve)) resolve(null);
  });
}

export function shutdown(pipe: RawWritable | null): Promise<Error | null> {
  return new Promise((resolve) => pipe!.shutdownWrite(resolve));
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
