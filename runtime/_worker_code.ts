import { PoolWorker, type WorkerOwner } from "./_pool_worker.ts";
import { threadHost } from "./_thread_host.ts";

/** Where a worker lives. */
export type WorkerKind = "thread" | "process";

/** Starts a worker. What it throws says why that is not possible. */
export function startWorker(owner: WorkerOwner, kind: WorkerKind, name: string): PoolWorker {
  return new PoolWorker(
    owner,
    (events) =>
      kind === "thread" ? threadHost.startThread(name, events) : threadHost.startProcess(events),
  );
}

/** Calls back after that many seconds unless the returned function is called; does not keep the process alive. */
export function after(seconds: number, callback: () => void): () => void {
  return threadHost.after(seconds, callback);
}
