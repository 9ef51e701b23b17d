import assert from "node:assert/strict";
import type { OSError } from "../../runtime/errors/os_error.ts";
import type {
  AcceptSink,
  NetHost,
  RawChannel,
  RawListener,
  ReadSink,
} from "../../net/core/host.ts";
import { denoHost } from "../../net/hosts/deno.ts";
import { nodeHost } from "../../net/hosts/node.ts";

/** Every host that works on this runtime, with the name its tests carry. */
export const hosts: [name: string, host: NetHost][] = "Deno" in globalThis
  ? [["Deno", denoHost], ["node:net", nodeHost]]
  : [["node:net", nodeHost]];

export const onDeno: boolean = "Deno" in globalThis;
export const onBun: boolean = "Bun" in globalThis;

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function text(chunk: Uint8Array): string {
  return new TextDecoder().decode(chunk);
}

/** `length` bytes in which every misplaced or lost one shows. */
export function pattern(length: number, start = 0): Uint8Array {
  const result = new Uint8Array(length);
  for (let i = 0; i < length; i++) result[i] = ((start + i) * 31 + ((start + i) >> 8)) & 255;
  return result;
}

/** A sink that remembers, and can be waited for. */
export class Recorder implements ReadSink {
  readonly chunks: Uint8Array[] = [];
  length = 0;
  eof = false;
  error: OSError | null = null;
  #wake: (() => void) | null = null;

  onData(chunk: Uint8Array): void {
    this.chunks.push(chunk);
    this.length += chunk.length;
    this.changed();
  }

  onEof(): void {
    this.eof = true;
    this.changed();
  }

  onError(error: OSError): void {
    this.error = error;
    this.changed();
  }

  changed(): void {
    this.#wake?.();
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  received(length: number): Promise<void> {
    return this.until(() => this.length >= length);
  }

  ended(): Promise<void> {
    return this.until(() => this.eof || this.error !== null);
  }

  all(): Uint8Array {
    const result = new Uint8Array(this.length);
    let at = 0;
    for (const chunk of this.chunks) {
      result.set(chunk, at);
      at += chunk.length;
    }
    return result;
  }
}

/** Writes all of it; rejects with what `done` told. */
export function write(channel: RawChannel, chunk: Uint8Array | string): Promise<void> {
  return new Promise((resolve, reject) => {
    const data = typeof chunk === "string" ? bytes(chunk) : chunk;
    const complete = channel.write(data, (error) => error === null ? resolve() : reject(error));
    if (complete) resolve();
  });
}

export function shutdown(channel: RawChannel): Promise<void> {
  return new Promise((resolve, reject) => {
    channel.shutdownWrite((error) => error === null ? resolve() : reject(error));
  });
}

/** Accepts one connection after the other. */
export class Acceptor implements AcceptSink {
  readonly channels: RawChannel[] = [];
  readonly errors: { error: OSError; retry: boolean }[] = [];
  readonly #waiting: ((channel: RawChannel) => void)[] = [];

  constructor(listener: RawListener) {
    listener.start(this);
  }

  onConnection(channel: RawChannel): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.channels.push(channel);
    else waiting(channel);
  }

  onError(error: OSError, retry: boolean): void {
    this.errors.push({ error, retry });
  }

  next(): Promise<RawChannel> {
    const channel = this.channels.shift();
    if (channel !== undefined) return Promise.resolve(channel);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

export function portOf(listener: RawListener): number {
  assert.ok(listener.addr.transport !== "unix");
  return listener.addr.port;
}

/** Two ends of a TCP connection over loopback; everything is closed afterwards. */
export async function withPair(
  host: NetHost,
  body: (client: RawChannel, server: RawChannel) => Promise<void>,
): Promise<void> {
  const listener = await host.listenTcp({ hostname: "127.0.0.1", port: 0 });
  const acceptor = new Acceptor(listener);
  const client = await host.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
  const server = await acceptor.next();
  try {
    await body(client, server);
  } finally {
    client.close();
    server.close();
    listener.close();
  }
}

/** Lets timers, I/O and microtasks run for a while: for claims that something does not happen. */
export function pause(milliseconds = 30): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A repeatable source of chance (xorshift). */
export function chance(seed: number): () => number {
  let state = (seed * 2654435761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/**
 * Sends `pattern(total)` in random pieces and reads it at the other end, stopping, starting and
 * changing between chunks and buffers at random. Resolves to what went wrong, "" when nothing did.
 */
export function randomTraffic(
  from: RawChannel,
  to: RawChannel,
  total: number,
  random: () => number,
): Promise<string> {
  const all = pattern(total);
  return new Promise((resolve) => {
    let sent = 0;
    const send = (): void => {
      for (;;) {
        if (sent === total) {
          from.shutdownWrite((error) => {
            if (error !== null) resolve(`shutdown: ${error}`);
          });
          return;
        }
        const piece = all.subarray(sent, sent + 1 + Math.floor(random() * random() * 100_000));
        sent += piece.length;
        const rest = random() < 0.1;
        const next = (): void => {
          if (rest) setTimeout(send, random() * 2);
          else send();
        };
        const complete = from.write(piece, (error) => {
          if (error === null) next();
          else resolve(`write: ${error}`);
        });
        if (!complete) return;
        if (rest) return next();
      }
    };
    let got = 0;
    const read = (chunk: Uint8Array): void => {
      if (Buffer.compare(chunk, all.subarray(got, got + chunk.length)) !== 0) {
        resolve(`wrong bytes from ${got} on`);
      }
      got += chunk.length;
      const choice = random();
      if (choice < 0.25) to.stopReading();
      if (choice < 0.15) setTimeout(start, random() * 3);
      else if (choice < 0.2) start();
      else if (choice < 0.25) setTimeout(start, 0);
    };
    const own = new Uint8Array(1 + Math.floor(random() * 5000));
    const plain: ReadSink = {
      onData: read,
      onEof: () => resolve(got === total ? "" : `${got} of ${total} bytes`),
      onError: (error) => resolve(`read: ${error}`),
    };
    const direct: ReadSink = {
      ...plain,
      getBuffer: () => random() < 0.2 ? null : own,
      onBuffer: (buffer, count) => read(buffer.slice(0, count)),
    };
    const start = (): void => to.startReading(random() < 0.5 ? plain : direct);
    start();
    send();
  });
}
