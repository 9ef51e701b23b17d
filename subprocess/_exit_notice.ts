/** The end of a child, whichever comes first: the news or who wants to hear it. Told once, and never from within another call. */
export class ExitNotice {
  #returncode: number | null = null;
  #callback: ((returncode: number) => void) | null = null;

  /** The child has ended with this returncode. */
  tell(returncode: number): void {
    this.#returncode = returncode;
    if (this.#callback !== null) queueMicrotask(this.#deliver);
  }

  listen(callback: (returncode: number) => void): void {
    this.#callback = callback;
    if (this.#returncode !== null) queueMicrotask(this.#deliver);
  }

  readonly #deliver = (): void => {
    const callback = this.#callback;
    this.#callback = null;
    callback?.(this.#returncode!);
  };
}
