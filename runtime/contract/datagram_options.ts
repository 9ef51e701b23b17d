import type { AddressLike, Socket } from "./sockets.ts";

/** How a datagram endpoint is made. */
export interface DatagramOptions {
  /** Where to receive. */
  localAddr?: AddressLike;
  /** The only peer to send to and to receive from. */
  remoteAddr?: AddressLike;
  /** 4 or 6; 0: either. @default {0} */
  family?: 0 | 4 | 6;
  /** What the resolver is asked for: IPPROTO_UDP (17), or 0 for any. @default {0} */
  proto?: 0 | 17;
  /** What else the resolver is asked for: AI_ADDRCONFIG and the like, joined by `|`. @default {0} */
  flags?: number;
  /** Share the port with other sockets, where the runtime can. @default {false} */
  reusePort?: boolean;
  /** Allow sending to a broadcast address. @default {false} */
  allowBroadcast?: boolean;
  /** A bound datagram socket, in the place of all other options. */
  sock?: Socket;
}
