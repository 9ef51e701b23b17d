import { IncompleteReadError } from "../runtime/exceptions.ts";
import { Wait } from "../runtime/_wait.ts";
import type { PendingRead, ReadState } from "./_read_state.ts";
import type { SeparatorSearch } from "./_separator_search.ts";

/** A read in waiting: at its wake-up it takes its bytes, or throws what the stream has come to. */
abstract class ReadWait extends Wait<Uint8Array> implements PendingRead {
  protected readonly state: ReadState;
  #error: unknown;
  #failed = false;

  constructor(state: ReadState) {
    super();
    this.state = state;
    // On a closed loop a wait is over from the start, and nothing would ever clear the place.
    if (this.pending || this.cancelled) state.waiting = this;
    state.resume();
  }

  abstract enough(): boolean;
  protected abstract take(): Uint8Array;

  failWith(error: unknown): boolean {
    if (!this.wake()) return false;
    this.#failed = true;
    this.#error = error;
    return true;
  }

  override describe(): string {
    return "data from a stream";
  }

  protected onWake(): Uint8Array {
    this.state.waiting = null;
    if (this.#failed) throw this.#error;
    const taken = this.take();
    this.state.maybeResume();
    return taken;
  }

  protected override onCancel(): void {
    this.state.waiting = null;
  }
}

/** `read(n)`: whatever comes first, at most `n` bytes. */
export class ReadSome extends ReadWait {
  readonly #most: number;

  constructor(state: ReadState, most: number) {
    super(state);
    this.#most = most;
  }

  enough(): boolean {
    return true;
  }

  protected take(): Uint8Array {
    const { bytes } = this.state;
    return bytes.take(Math.min(this.#most, bytes.length));
  }
}

/**
 * `read()`: all until the end. What comes meanwhile stays in the buffer, so that a cancelled one
 * loses nothing.
 */
export class ReadAll extends ReadWait {
  enough(): boolean {
    return false;
  }

  protected take(): Uint8Array {
    const { bytes } = this.state;
    return bytes.take(bytes.length);
  }
}

/** `readexactly(n)` */
export class ReadExactly extends ReadWait {
  readonly #count: number;

  constructor(state: ReadState, count: number) {
    super(state);
    this.#count = count;
  }

  enough(): boolean {
    return this.state.bytes.length >= this.#count;
  }

  protected take(): Uint8Array {
    return takeExactly(this.state, this.#count);
  }
}

/** `readuntil(separator)` and `readline()` */
export class ReadUntil extends ReadWait {
  readonly #search: SeparatorSearch;

  constructor(state: ReadState, search: SeparatorSearch) {
    super(state);
    this.#search = search;
  }

  enough(): boolean {
    return this.#search.advance();
  }

  protected take(): Uint8Array {
    return this.#search.finish();
  }
}

/** The bytes, or at the end of the stream the error that carries those that came. */
export function takeExactly(state: ReadState, count: number): Uint8Array {
  const { bytes } = state;
  if (bytes.length < count) throw new IncompleteReadError(bytes.take(bytes.length), count);
  return bytes.take(count);
}
