/** What a future tells when it is done, each through the ready queue. */
export interface FutureEntry {
  /** Puts what is to be run into the ready queue. One entry may serve many futures. */
  notify(future: object): void;
  /** The future (a task, a gather, a shield) that goes on when this one is done; for the call graph. */
  readonly awaiter: object | null;
}
