import { describeType } from "../runtime/_describe.ts";
import { toOSError } from "../runtime/os_errors.ts";
import { builtin } from "./_builtins.ts";

/** Something of which any part can be read. */
export interface FileSource {
  /** Up to `size` bytes from `position` on, fewer only near the end; none there. The array is the caller's own. */
  read(position: number, size: number): Promise<Uint8Array>;
  close(): void;
}

/**
 * Opens a file by path or URL, or a Blob.
 *
 * @throws {FileNotFoundError} and the like
 * @throws {PermissionError} on Deno without `--allow-read`
 */
export async function openSource(file: string | URL | Blob): Promise<FileSource> {
  if (file instanceof Blob) return new BlobSource(file);
  if (typeof file !== "string" && !(file instanceof URL)) {
    throw new TypeError(`A file must be a path, a file URL, or a Blob: got ${describeType(file)}`);
  }
  const { promises } = builtin("node:fs");
  const path = String(file);
  try {
    return new OpenFile(await promises.open(file, "r"), path);
  } catch (error) {
    throw toOSError(error, "open", path);
  }
}

class BlobSource implements FileSource {
  readonly #blob: Blob;

  constructor(blob: Blob) {
    this.#blob = blob;
  }

  async read(position: number, size: number): Promise<Uint8Array> {
    return new Uint8Array(await this.#blob.slice(position, position + size).arrayBuffer());
  }

  close(): void {}
}

/** What is used of a file handle of node:fs. */
interface Handle {
  read(
    buffer: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ bytesRead: number }>;
  close(): Promise<void>;
}

class OpenFile implements FileSource {
  readonly #handle: Handle;
  readonly #path: string;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(handle: Handle, path: string) {
    this.#handle = handle;
    this.#path = path;
  }

  read(position: number, size: number): Promise<Uint8Array> {
    const result = this.#read(position, size);
    this.#reading = result.catch(() => {});
    return result;
  }

  /** A read under way keeps its descriptor until it has ended. */
  close(): void {
    this.#reading.then(() => this.#handle.close()).catch(() => {
      // Nothing was written: whatever this says, no byte is lost by it.
    });
  }

  async #read(position: number, size: number): Promise<Uint8Array> {
    const buffer = new Uint8Array(size);
    try {
      const { bytesRead } = await this.#handle.read(buffer, 0, size, position);
      return bytesRead === size ? buffer : buffer.subarray(0, bytesRead);
    } catch (error) {
      throw toOSError(error, "read", this.#path);
    }
  }
}
