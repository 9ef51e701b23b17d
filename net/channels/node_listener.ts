import type * as net from "node:net";
import { nodeVersion, onBun, onDeno } from "../../runtime/base/platform.ts";
import { toOSError } from "../../runtime/errors/native_errors.ts";
import { concernsOneConnection, GatedListener } from "./gates.ts";
import type { Address } from "../core/addresses.ts";
import type { RawChannel } from "../core/host.ts";
import { OSError } from "../../runtime/errors/os_error.ts";

/**
 * A listening socket of node:net. It has no way to stop accepting: while stopped, connections pile
 * up in the gate.
 *
 * When Node runs out of descriptors it accepts and drops a waiting connection by itself, without
 * any event; Bun lets it wait.
 */
export class NodeListener extends GatedListener {
  readonly #server: net.Server;
  readonly #release: () => void;

  /**
   * @param server already listening, its connections paused
   * @param wrap makes the channel of an accepted connection
   * @param release closes the server
   */
  constructor(
    server: net.Server,
    addr: Address,
    wrap: (socket: net.Socket) => RawChannel,
    release: () => void,
  ) {
    super(addr);
    this.#server = server;
    this.#release = release;
    server.on("connection", (socket: net.Socket) => {
      let channel: RawChannel;
      try {
        channel = wrap(socket);
      } catch (error) {
        socket.destroy();
        return this.#failed(error);
      }
      this.gate.accepted(channel);
    });
    server.on("error", (error: Error) => this.#failed(error));
  }

  protected release(): void {
    this.#release();
  }

  /** A failed accept does not end the server. */
  #failed(error: unknown): void {
    const mapped = toOSError(error, "accept");
    if (!concernsOneConnection(mapped)) this.gate.failed(mapped);
  }

  ref(): void {
    this.#server.ref();
  }

  unref(): void {
    this.#server.unref();
  }
}

/**
 * Refuses where the runtime would take the option and do nothing: Node before 22.12 for any port,
 * Deno for datagrams.
 *
 * @throws {OSError} "ENOTSUP"
 */
export function requireReusePort(kind: "tcp" | "udp"): void {
  if (onBun) return;
  if (onDeno) {
    if (kind === "tcp") return;
    throw new OSError("Cannot share a datagram port: Deno has no call for it", { code: "ENOTSUP" });
  }
  const [major, minor] = nodeVersion();
  if (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) return;
  throw new OSError("Cannot share a port: it takes Node 22.12 or newer", { code: "ENOTSUP" });
}
