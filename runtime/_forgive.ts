import { CancelledError } from "./exceptions.ts";

function ignore(): void {}

/**
 * To be called with what `promise` is about to reject with: a promise that was dropped and that only a cancellation rejects
 * is nobody's unhandled rejection. Other errors stay the business of whoever has the promise.
 */
export function forgiveCancellation(promise: Promise<unknown>, error: unknown): void {
  if (error instanceof CancelledError) promise.then(undefined, ignore);
}

/** The same promise, to be handed out by a function that is async inside. */
export function forgiving<T>(inner: Promise<T>): Promise<T> {
  const promise = new Promise<T>((resolve, reject) => {
    inner.then(resolve, (error) => {
      forgiveCancellation(promise, error);
      reject(error);
    });
  });
  return promise;
}
