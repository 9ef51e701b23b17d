import { noteDescriptors, requireDescriptors } from "../core/lazy_module.ts";
import { PoolWorker, type WorkerOwner } from "./pool_worker.ts";
import { threadHost } from "./worker_host.ts";

export { after } from "./worker_link.ts";

/** Where a worker lives. */
export type WorkerKind = "thread" | "process";

/** More than a worker opens: six on Deno, five on Node; a child's pipes and its channel are about as many. */
const FREE_TO_START = 12;

/** Starts a worker. What it throws says why that is not possible. */
export function startWorker(owner: WorkerOwner, kind: WorkerKind, name: string): PoolWorker {
  requireDescriptors(FREE_TO_START, "start a worker");
  noteDescriptors(1);
  return new PoolWorker(
    owner,
    (events) =>
      kind === "thread" ? threadHost.startThread(name, events) : threadHost.startProcess(events),
  );
}
