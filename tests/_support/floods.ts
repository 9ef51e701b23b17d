/** Peers that mean no good, as programs of Python: only there a reset can be forced everywhere. */
import { sleep } from "../../mod.ts";
import { needs, Peer } from "./peers.ts";
import type { Kit } from "./streams.ts";

/** A test that needs such a peer. */
export const flooded: (name: string, body: (kit: Kit) => Promise<void>) => void = needs("python3");

/** How one connection of a flood goes; `c()` connects, `reset(s)` resets, `s.close()` ends. */
const WAYS = {
  /** As a port scan does it: the connection stands, and is reset before anybody accepts it. */
  reset: "reset(c())",
  close: "c().close()",
  "a byte, then a reset": "s = c(); s.sendall(b'x'); reset(s)",
  "plain text": "s = c(); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); s.close()",
  "plain text, then a reset": "s = c(); s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); reset(s)",
  "half a hello, then the end": "s = c(); s.sendall(HELLO[:60]); s.close()",
  "half a hello, then a reset": "s = c(); s.sendall(HELLO[:60]); reset(s)",
  "a hello, then a reset": "s = c(); s.sendall(HELLO); s.recv(1); reset(s)",
} as const;

export type FloodWay = keyof typeof WAYS;

export const floodWays: readonly FloodWay[] = Object.keys(WAYS) as FloodWay[];

const PROGRAM = `
import socket, ssl, struct, sys
where, count, way = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def c():
    if where.startswith("/"):
        s = socket.socket(socket.AF_UNIX); s.settimeout(20); s.connect(where)
    else: s = socket.create_connection(("127.0.0.1", int(where)), timeout=20)
    return s
def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
out = ssl.MemoryBIO()
context = ssl.create_default_context()
try: context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="localhost").do_handshake()
except ssl.SSLWantReadError: pass
HELLO = out.read()
for i in range(count):
    try: exec(way)
    except OSError: pass
`;

/** Waits until so many connections were made to a port, or to a socket's path, and ended that way. */
export async function flood(where: number | string, count: number, way: FloodWay): Promise<void> {
  const peer = new Peer("python3", ["-c", PROGRAM, String(where), String(count), WAYS[way]]);
  // Hundreds of handshakes take a busy machine longer than other peers may take.
  for (let waited = 0; peer.code === undefined && waited < 12_000; waited++) await sleep(0.005);
  await peer.done();
}
