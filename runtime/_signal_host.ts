/** What `addSignalHandler` needs of a runtime. The same calls on all of them, but Deno's own where it has them. */
interface Runtime {
  readonly Deno?: {
    addSignalListener(signal: string, listener: () => void): void;
    removeSignalListener(signal: string, listener: () => void): void;
  };
  readonly process?: {
    on(event: string, listener: () => void): void;
    off(event: string, listener: () => void): void;
    getBuiltinModule(name: "node:worker_threads"): { readonly isMainThread: boolean };
  };
}

/** `process` is asked for only when it is needed: the mere look costs 10 ms on Deno. */
const runtime = globalThis as unknown as Runtime;
const { Deno } = runtime;

/**
 * Calls the listener whenever the signal comes, between two macrotasks, until the returned function is called; the signal's
 * default action is back then, if nobody else listens. A listener never keeps the process alive.
 *
 * @param name the signal's usual name
 * @throws the runtime's error when it can't listen for this signal, or not in this thread
 */
export function listenForSignal(name: string, listener: () => void): () => void {
  if (Deno !== undefined) {
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  }
  const { process } = runtime;
  if (process === undefined) throw new Error("the runtime has no signals");
  // In a worker Node and Bun take the listener in silence and never call it.
  if (!process.getBuiltinModule("node:worker_threads").isMainThread) {
    throw new Error("signals come to the main thread only");
  }
  process.on(name, listener);
  return () => process.off(name, listener);
}
