import type { DatagramChannel, RawChannel, RawListener } from "../core/host.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_STREAM } from "../core/addresses.ts";
import { bodyOf, kindOf, setBody, type Socket, wrongState } from "./sockets.ts";
import { identify, removeStaleSocket } from "../platform/unix_paths.ts";

/** Takes the channel out of a socket, for a transport; the socket is a view of it from then on. */
export async function takeChannel(sock: Socket): Promise<RawChannel> {
  requireStream(sock);
  const body = bodyOf(sock);
  if (body.kind !== "connected") throw wrongState(sock, "getpeername");
  // From now on it belongs to the transport, also while what it took is still being sent.
  setBody(sock, { kind: "view", it: body.it });
  try {
    const channel = await body.it.release();
    setBody(sock, { kind: "view", it: channel });
    return channel;
  } catch (error) {
    setBody(sock, body);
    throw error;
  }
}

/**
 * Takes the listener out of a socket, for a server.
 *
 * @param cleanup remove a unix socket's file on close
 */
export function takeListener(sock: Socket, cleanup: boolean): RawListener {
  requireStream(sock);
  const body = bodyOf(sock);
  if (body.kind !== "listening") throw wrongState(sock, "listen");
  const listener = body.it.release();
  const { addr } = listener;
  const taken = cleanup && "path" in addr && !addr.path.startsWith("\0")
    ? removingFile(listener, addr.path)
    : listener;
  setBody(sock, {
    kind: "view",
    it: {
      get closed() {
        return taken.closed;
      },
      localAddr: addr,
      remoteAddr: null,
    },
  });
  return taken;
}

/** Takes the channel out of a datagram socket, for an endpoint. */
export function takeDatagrams(sock: Socket): DatagramChannel {
  if (kindOf(sock).type !== SOCK_DGRAM) {
    throw new RangeError(`A UDP Socket was expected, got ${sock}`);
  }
  const body = bodyOf(sock);
  if (body.kind !== "datagram") throw wrongState(sock, "getsockname");
  const channel = body.it.release();
  setBody(sock, { kind: "view", it: channel });
  return channel;
}

/** @throws {RangeError} if the socket is of another family or no stream */
export function requireUnixStream(sock: Socket): void {
  const { family, type } = kindOf(sock);
  if (family === AF_UNIX && type === SOCK_STREAM) return;
  throw new RangeError(`A UNIX Domain Stream Socket was expected, got ${sock}`);
}

function requireStream(sock: Socket): void {
  if (kindOf(sock).type === SOCK_STREAM) return;
  throw new RangeError(`A Stream Socket was expected, got ${sock}`);
}

/**
 * A listener that was bound to keep its file, and shall remove it after all, unless another one
 * stands there by then.
 */
function removingFile(listener: RawListener, path: string): RawListener {
  const own = identify(path);
  return {
    addr: listener.addr,
    get closed() {
      return listener.closed;
    },
    start: (sink) => listener.start(sink),
    stop: () => listener.stop(),
    ref: () => listener.ref(),
    unref: () => listener.unref(),
    close: () => {
      const found = listener.closed ? null : identify(path);
      // Before the close, which keeps the file.
      if (found !== null && found.ino === own?.ino && found.dev === own.dev) {
        removeStaleSocket(path);
      }
      listener.close();
    },
  };
}
