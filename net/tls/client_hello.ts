import type { OSError } from "../../runtime/errors/os_error.ts";
import type { RawChannel, ReadSink } from "../core/host.ts";

/** The server name and the protocols that a client asks for. */
export interface ClientHello {
  /** By SNI, in lower case; null if it names no server. */
  readonly serverName: string | null;
  /** By ALPN, a character for each byte; null when it offers none. */
  readonly protocols: readonly string[] | null;
}

/** Bytes that are read of a hello before the decision is left to TLS; real ones take 200 to 2000. */
const MOST = 64 * 1024;

/**
 * Reads the first message of a client from a channel whose reading is stopped, and stops it again.
 *
 * @param done called once, with all that was read, and what it says; null if that is not a hello, or came to an end
 * @returns stops it, and `done` is not called any more
 */
export function readClientHello(
  channel: RawChannel,
  done: (bytes: Uint8Array, hello: ClientHello | null) => void,
): () => void {
  const reader = new HelloReader();
  const finish = (): void => {
    channel.stopReading();
    done(reader.bytes, reader.hello);
  };
  const sink: ReadSink = {
    onData: (chunk) => {
      if (reader.feed(chunk)) finish();
    },
    // TLS reports them in its own way: the channel reports them again.
    onEof: finish,
    onError: (_error: OSError) => finish(),
  };
  channel.startReading(sink);
  return () => channel.stopReading();
}

/** Takes apart the records of TLS until the hello is whole. Each byte costs the same, in however many pieces they come. */
export class HelloReader {
  hello: ClientHello | null = null;
  readonly #raw: GrowingBuffer = new GrowingBuffer();
  readonly #message: GrowingBuffer = new GrowingBuffer();
  /** Where in the raw bytes the next record's header starts, or the rest of the present record. */
  #at = 0;
  /** Bytes of the present record that are still to come. */
  #left = 0;

  /** All that was fed. */
  get bytes(): Uint8Array {
    return this.#raw.bytes;
  }

  /** True when there is nothing more to wait for: the hello is whole, or there is none. */
  feed(chunk: Uint8Array): boolean {
    this.#raw.push(chunk);
    const { bytes } = this.#raw;
    for (;;) {
      if (this.#left === 0) {
        if (bytes[this.#at] !== undefined && bytes[this.#at] !== HANDSHAKE) return true;
        if (bytes.length < this.#at + HEADER) break;
        this.#left = bytes[this.#at + 3]! << 8 | bytes[this.#at + 4]!;
        this.#at += HEADER;
        if (this.#left === 0) return true;
      }
      const part = bytes.subarray(this.#at, this.#at + this.#left);
      if (part.length === 0) break;
      this.#message.push(part);
      this.#at += part.length;
      this.#left -= part.length;
      const message = this.#message.bytes;
      if (message[0] !== CLIENT_HELLO) return true;
      if (message.length < 4) continue;
      const length = message[1]! << 16 | message[2]! << 8 | message[3]!;
      if (message.length < 4 + length) continue;
      this.hello = parse(message.subarray(4, 4 + length));
      return true;
    }
    return bytes.length >= MOST;
  }
}

const HEADER = 5;
const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const SERVER_NAME = 0;
const ALPN = 16;

/** null for one that is malformed: TLS has the right error for it. */
function parse(message: Uint8Array): ClientHello | null {
  const fields = new Fields(message);
  try {
    fields.take(2 + 32);
    for (const bytes of [1, 2, 1] as const) fields.vector(bytes); // session, ciphers, compression
    let serverName: string | null = null;
    let protocols: string[] | null = null;
    if (fields.empty) return { serverName, protocols };
    const extensions = fields.vector(2);
    while (!extensions.empty) {
      const type = extensions.number(2);
      const extension = extensions.vector(2);
      if (type === SERVER_NAME) serverName = nameIn(extension.vector(2)) ?? serverName;
      else if (type === ALPN) protocols = namesIn(extension.vector(2));
    }
    return { serverName, protocols };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function nameIn(list: Fields): string | null {
  while (!list.empty) {
    const type = list.number(1);
    const name = list.vector(2).text();
    // A host's name is the only kind there is.
    if (type === 0) return name.toLowerCase().replace(/\.$/, "");
  }
  return null;
}

function namesIn(list: Fields): string[] {
  const names: string[] = [];
  while (!list.empty) names.push(list.vector(1).text());
  return names;
}

/** Bytes of which one field after the other is taken. A field that is not there whole is a RangeError. */
class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get empty(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError("A field of the hello is cut off");
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  number(bytes: 1 | 2): number {
    return this.take(bytes).reduce((number, byte) => number << 8 | byte, 0);
  }

  /** What stands behind its own length. */
  vector(bytes: 1 | 2): Fields {
    return new Fields(this.take(this.number(bytes)));
  }

  text(): string {
    return byteText(this.#bytes);
  }
}

/** A character for each byte. */
export function byteText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** One array for many small pieces. */
class GrowingBuffer {
  #bytes: Uint8Array = new Uint8Array(2048);
  #length = 0;

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  push(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const bigger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      bigger.set(this.bytes);
      this.#bytes = bigger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }
}
