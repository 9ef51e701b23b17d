import { describeType } from "../../runtime/base/format.ts";
import { BlockingIOError, OSError, RuntimeError } from "../../runtime/errors/exceptions.ts";
import type { Address } from "../core/addresses.ts";
import type { ConnectedSocket } from "./connected.ts";
import type { DatagramSocket } from "./datagram.ts";
import type { ListeningSocket } from "./listening.ts";
import { Turns } from "../core/operations.ts";

/** What a view of a socket shows: a transport's channel, a server's listener. */
export interface Viewed {
  readonly closed: boolean;
  readonly localAddr: Address | null;
  readonly remoteAddr: Address | null;
  setNoDelay?(on: boolean): void;
  setKeepAlive?(on: boolean): void;
}

/** A bind or a connect under way. */
export interface Opening {
  /** The address that the socket had before; null when it had none. */
  readonly localAddr: Address | null;
  /** Cancels it: the caller that opens the socket gets the error of a closed socket. */
  close(): void;
}

/**
 * What a socket is at present.
 *
 * - `fresh` → `opening` → `listening` (bound, for streams) or `connected` or `datagram`; an opening that fails or is
 *   cancelled goes back to `fresh`. A bound socket that connects goes through `opening` once more.
 * - Each of them → `view`, when a transport or a server takes it over.
 * - Each of them → `closed`, and nothing follows.
 *
 * Only the call whose turn it is in `openings` changes the body; `close()` may come at any time.
 */
export type SocketBody =
  | { readonly kind: "fresh" }
  | { readonly kind: "opening"; readonly it: Opening }
  | { readonly kind: "listening"; readonly it: ListeningSocket }
  | { readonly kind: "connected"; readonly it: ConnectedSocket }
  | { readonly kind: "datagram"; readonly it: DatagramSocket }
  | { readonly kind: "view"; readonly it: Viewed }
  | { readonly kind: "closed" };

export const FRESH: SocketBody = { kind: "fresh" };
export const CLOSED: SocketBody = { kind: "closed" };

/** The inside of a Socket. */
export class SocketState {
  body: SocketBody = FRESH;
  /** The calls that bind, connect, or bind by sending. */
  readonly openings: Turns = new Turns();
  /** The calls that send a whole, into which no other bytes may come. */
  readonly sends: Turns = new Turns();
}

// ── errors

/** The error of a call that the socket's state does not allow. */
export function stateError(body: SocketBody, socket: string, syscall: string): Error {
  if (body.kind === "view") return viewOnly(syscall);
  const code = codeOf(body, syscall);
  const why = code === "EBADF"
    ? "it is closed"
    : code === "EALREADY"
    ? "it is connecting already"
    : missingSteps[syscall] ?? "it is not connected";
  return new OSError(`${syscall}: not possible on ${socket}, ${why} (${code})`, { code, syscall });
}

function codeOf({ kind }: SocketBody, syscall: string): string {
  if (kind === "closed") return "EBADF";
  if (syscall === "bind" || syscall === "listen" || syscall === "accept") return "EINVAL";
  if (syscall !== "connect") return "ENOTCONN";
  return kind === "connected" ? "EISCONN" : "EALREADY";
}

const missingSteps: Readonly<Record<string, string>> = {
  accept: "listen() comes first",
  bind: "it is bound or connected already",
  connect: "it is connected already",
  listen: "bind() comes first",
  recvfrom: "it is not bound",
  sendto: "it is no datagram socket",
};

/** The error for anything but a Socket of this library: a descriptor, a runtime's own connection. */
export function notASocket(value: unknown): RangeError {
  return new RangeError(
    `Invalid file object: a Socket is expected, new Socket(), got ${describeType(value)}`,
  );
}

/** The error of a `send()` while `what` sends a whole. */
export function busySending(what: string): BlockingIOError {
  return new BlockingIOError(`send: ${what} is under way on the socket (EAGAIN)`, {
    code: "EAGAIN",
    syscall: "send",
  });
}

/** The error of a call that only the owner of a socket may make. */
export function viewOnly(what: string): RuntimeError {
  return new RuntimeError(
    `Cannot ${what} a socket that is used by a transport or a server: use that instead`,
  );
}
