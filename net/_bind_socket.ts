import type { AddressLike } from "./addresses.ts";
import { DatagramSocket } from "./_datagram_socket.ts";
import { netHost } from "./_host.ts";
import { ListeningSocket } from "./_listening_socket.ts";

/** What a bound socket has inside. */
export type Bound =
  | { readonly kind: "listening"; readonly it: ListeningSocket }
  | { readonly kind: "datagram"; readonly it: DatagramSocket };

/** Binds a socket for byte streams. */
export async function bindStream(address: AddressLike, reusePort: boolean): Promise<Bound> {
  if ("path" in address) {
    // As in CPython, the one who binds a path removes it: a server that takes the socket over
    // does.
    const { path } = address;
    const listener = await netHost.listenUnix({ path, removeStale: false, cleanup: false });
    return { kind: "listening", it: new ListeningSocket(listener) };
  }
  const { hostname, port } = address;
  const listener = await netHost.listenTcp({ hostname, port, reusePort });
  return { kind: "listening", it: new ListeningSocket(listener) };
}

/** Binds a socket for datagrams. */
export async function bindDatagrams(
  local: { hostname: string; port: number },
  family: 4 | 6,
  reusePort: boolean,
): Promise<Bound> {
  const channel = await netHost.openDatagram({ local, family, reusePort });
  return { kind: "datagram", it: new DatagramSocket(channel) };
}
