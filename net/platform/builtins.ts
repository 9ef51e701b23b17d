import type * as crypto from "node:crypto";
import type * as dgram from "node:dgram";
import type * as dns from "node:dns";
import type * as fs from "node:fs";
import type * as net from "node:net";
import type * as os from "node:os";
import type * as stream from "node:stream";
import type * as tls from "node:tls";
import type * as tty from "node:tty";

interface Builtins {
  "node:crypto": typeof crypto;
  "node:dgram": typeof dgram;
  "node:dns": typeof dns;
  "node:fs": typeof fs;
  "node:net": typeof net;
  "node:os": typeof os;
  "node:stream": typeof stream;
  "node:tls": typeof tls;
  "node:tty": typeof tty;
}

/**
 * A built-in module, loaded when it is first needed: `node:net` alone costs Deno 15 ms at the
 * start, and most programs there never need it. Built-ins are there synchronously on Deno, Bun and
 * Node, so no promise stands between a call and its system call.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const { process } = globalThis as unknown as {
    process: { getBuiltinModule(name: Name): Builtins[Name] };
  };
  return process.getBuiltinModule(name);
}
