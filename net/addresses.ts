/**
 * An internet address, as `getExtraInfo("peername")` and the like give it; Python's `(host, port)`
 * tuple.
 */
export interface NetAddress {
  /** Which transport protocol the port belongs to. */
  transport: "tcp" | "udp";
  /** An IP address in text form, never a name. */
  hostname: string;
  /** 0 to 65535. */
  port: number;
}

/** The address of a unix socket. */
export interface UnixAddress {
  /** Always `"unix"`. */
  transport: "unix";
  /**
   * The path of the socket file; "" for an end without a name; an abstract name begins with "\0".
   */
  path: string;
}

/** The address of one end of a socket. */
export type Address = NetAddress | UnixAddress;

/** Where an address is asked for; every {@linkcode Address} fits. */
export type AddressLike =
  | { readonly hostname: string; readonly port: number }
  | { readonly path: string };
