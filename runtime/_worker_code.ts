import { PoolWorker, type WorkerOwner } from "./_pool_worker.ts";
import { threadHost } from "./_thread_host.ts";

export { after } from "./_worker_link.ts";

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
