import type { ExceptionContext } from "../loop_interface.ts";
import { ServerCore } from "../net/tcp/server_core.ts";
import { TransportBase } from "../net/transports/transport_base.ts";
import type { LoopResource } from "../runtime/core/loop_core.ts";
import { placeOf } from "../runtime/base/stack.ts";
import { allTasks } from "../runtime/tasks/task_functions.ts";
import type { Task } from "../runtime/tasks/task.ts";
import { ProcessTransport } from "../subprocess/transport/process_transport.ts";
import { LeakError } from "./errors.ts";
import { describeTasks } from "./task_report.ts";
import type { VirtualEventLoop } from "./virtual_event_loop.ts";

/** Real milliseconds in which transports that are about to close do so. */
const PATIENCE = 1000;

/** What a test did not end or close. */
export interface Leaks {
  readonly tasks: readonly Task<unknown>[];
  /** One line each. */
  readonly resources: readonly string[];
}

/** Looks once all that can end has ended. The loop is not running. */
export async function findLeaks(loop: VirtualEventLoop): Promise<Leaks> {
  const since = performance.now();
  do await loop.settle(); while (
    openResources(loop).some(mayClose) && performance.now() - since < PATIENCE
  );
  loop.reportUnretrieved();
  const tasks = [...allTasks(loop.publicLoop)];
  const resources = openResources(loop).map((resource) =>
    [describeResource(resource), loop.resources.placeOf(resource)].join(" ").trim()
  );
  for (const { executor, place } of loop.openExecutors()) {
    resources.push(`${executor.constructor.name} ${place}`.trim());
  }
  if (tasks.length > 0) {
    resources.unshift(describeTasks(tasks, (task) => loop.lastRun(task)).trim());
  }
  return { tasks, resources };
}

/** The error of what was left; null when nothing was. */
export function leakError(leaks: Leaks, reports: readonly ExceptionContext[]): LeakError | null {
  const { tasks, resources } = leaks;
  if (resources.length === 0 && reports.length === 0) return null;
  const lines: string[] = [];
  if (resources.length > 0) lines.push("The test left behind:", ...resources.map(indent));
  if (reports.length > 0) lines.push("Nobody took:", ...reports.map(describeReport).map(indent));
  const errors = reports.map(({ exception }) => exception);
  return new LeakError(lines.join("\n"), tasks, errors);
}

/** Signal handlers are not among them: `run()` takes them back itself. */
function openResources(loop: VirtualEventLoop): LoopResource[] {
  return [...loop.resources].filter((resource) =>
    resource instanceof TransportBase || resource instanceof ServerCore ||
    resource instanceof ProcessTransport
  );
}

/** A server never does of itself; a connection does when its other end has. */
function mayClose(resource: LoopResource): boolean {
  return !(resource instanceof ServerCore);
}

function describeResource(resource: LoopResource): string {
  if (!(resource instanceof ServerCore)) return String(resource);
  const addresses = resource.sockets.map((socket) => {
    const address = socket.getsockname()!;
    return "path" in address ? address.path : `${address.hostname}:${address.port}`;
  });
  return `<Server sockets=[${addresses.join(", ")}]>`;
}

function describeReport(report: ExceptionContext): string {
  const { message, exception, sourceTraceback } = report;
  const place = Array.isArray(sourceTraceback) ? placeOf(String(sourceTraceback.at(-1))) : "";
  return `${message}: ${exception}${place === "" ? "" : `, made at ${place}`}`;
}

function indent(text: string): string {
  return `  ${text.split("\n").join("\n  ")}`;
}
