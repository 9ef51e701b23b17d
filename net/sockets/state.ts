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
  /** Calls it off: whoever opens the socket learns that it was closed. */
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
 * Only who has the turn in `openings` moves it along this way; `close()` may come at any time.
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
  /** Those who bind, connect, or bind by sending. */
  readonly openings: Turns = new Turns();
  /** Those who send a whole, which nothing may come in between of. */
  readonly sends: Turns = new Turns();
}
