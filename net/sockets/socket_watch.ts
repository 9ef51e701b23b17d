import { describeType, staysInThread } from "../../runtime/base/format.ts";
import type { EventLoop } from "../../event_loop.ts";
import { RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { Readiness } from "./readiness.ts";
import { bodyOf, notASocket, Socket, wrongState } from "./sockets.ts";

/** `loop.addReader` and `loop.addWriter` */
export function addWatch<A extends unknown[]>(
  loop: EventLoop,
  sock: Socket,
  direction: "read" | "write",
  callback: (...args: A) => unknown,
  args: A,
): void {
  if (loop.isClosed()) throw new RuntimeError("Event loop is closed");
  requireSocket(sock);
  if (typeof callback !== "function") {
    throw new TypeError(`A function is expected as the callback: got ${describeType(callback)}`);
  }
  readinessOf(sock, direction, "watch").watch(loop, () => callback(...args));
}

/** `loop.removeReader` and `loop.removeWriter` */
export function removeWatch(loop: EventLoop, sock: Socket, direction: "read" | "write"): boolean {
  requireSocket(sock);
  if (loop.isClosed() || bodyOf(sock).kind === "closed") return false;
  return readinessOf(sock, direction, "watch").unwatch();
}

/** What tells when a socket can be read or written. @throws {OSError | RuntimeError} when nobody may wait for that */
export function readinessOf(sock: Socket, direction: "read" | "write", syscall: string): Readiness {
  const body = bodyOf(sock);
  if (body.kind === "view" && !body.it.closed) {
    throw new RuntimeError(`${sock} is used by a transport or a server`);
  }
  if (body.kind === "listening" && direction === "read") return body.it.acceptable;
  if (body.kind !== "connected" && body.kind !== "datagram") throw wrongState(sock, syscall);
  return direction === "read" ? body.it.readable : body.it.writable;
}

function requireSocket(sock: unknown): void {
  if (sock instanceof Socket) return;
  throw notASocket(sock);
}

staysInThread(
  "read and write here and pass the data, or pass functions: toThread(work, (data) => writer.write(data))",
  Socket,
);
