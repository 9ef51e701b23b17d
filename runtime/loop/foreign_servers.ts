import { subscribe } from "node:diagnostics_channel";
import {
  type AnyFrame,
  enterOutside,
  hasFrame,
  type OutsideFrame,
  outsideFrame,
  runOutside,
} from "../core/frame.ts";
import { bunNamespace, denoNamespace, onDeno } from "../base/platform.ts";

/**
 * A server belongs to no task: what the runtime calls for a request is not part of the task that made the server, is not
 * cancelled with it, and runs on the ambient loop with the values that were current when the server began to listen.
 *
 * The runtimes disagree on the async context of a request. Bun and Node hand on that of the call of `listen()`, Deno's HTTP
 * servers hand on none. So it is put right where a server begins: `Bun.serve` and `Bun.listen` (which Bun's node:http and
 * node:net call) are called in the frame of plain code, `Deno.serve` gets a handler that enters it and leaves it again, and
 * servers of node:net, and all that are built on it, enter it before they hand out a connection.
 */

type AnyFunction = (...args: unknown[]) => unknown;

interface Server {
  prependListener(event: "connection", listener: () => void): unknown;
}

/** Once, when the library is loaded. */
export function keepServersOutside(): void {
  if (bunNamespace !== undefined) {
    const bun = bunNamespace as Record<string, AnyFunction>;
    for (const name of ["serve", "listen"]) {
      replace(bun, name, (original, args) => {
        const server = outside(() => Reflect.apply(original, bun, args));
        // It takes other handlers, which come with the async context of this call.
        replace(
          server as Record<string, AnyFunction>,
          "reload",
          (reload, handlers) => outside(() => Reflect.apply(reload, server, handlers)),
        );
        return server;
      });
    }
    return;
  }
  if (denoNamespace !== undefined) {
    const deno = denoNamespace as unknown as Record<string, AnyFunction>;
    replace(deno, "serve", (original, args) => {
      const frame = outsideFrame();
      return original(...args.map((value) => within(frame, value)));
    });
  }
  subscribe("tracing:net.server.listen:asyncStart", (message) => {
    if (hasFrame() || onDeno) leaveFrame((message as { server: Server }).server);
  });
}

function outside(call: () => unknown): unknown {
  return hasFrame() ? runOutside(outsideFrame(), call) : call();
}

/** Puts another function in the place of a runtime's; where that can't be done, the runtime's stays. */
function replace(
  owner: Record<string, AnyFunction>,
  name: string,
  call: (original: AnyFunction, args: unknown[]) => unknown,
): void {
  const wrap = (original: unknown): unknown =>
    typeof original !== "function" ? original : likeness(
      original as AnyFunction,
      (...args) => call(original as AnyFunction, args),
    );
  const { get } = Object.getOwnPropertyDescriptor(owner, name) ?? {};
  if (get === undefined) {
    if (owner[name] !== undefined) Reflect.set(owner, name, wrap(owner[name]));
    return;
  }
  // What Deno loads when it is first asked for is not asked for here: loading its HTTP server takes as long as this library.
  const settle = (value: unknown): void => {
    Object.defineProperty(owner, name, { ...asProperty, writable: true, value });
  };
  const getWrapped = (): unknown => {
    const value = wrap(Reflect.apply(get, owner, []));
    settle(value);
    return value;
  };
  Reflect.defineProperty(owner, name, { ...asProperty, get: getWrapped, set: settle });
}

const asProperty = { configurable: true, enumerable: true } as const;

/** Deno makes no Request for a handler that takes none. */
function likeness(original: AnyFunction, replacement: AnyFunction): AnyFunction {
  for (const key of ["name", "length"] as const) {
    Object.defineProperty(replacement, key, { value: original[key] });
  }
  return replacement;
}

/**
 * A handler, or options that hold one, that enters `frame` and takes back what it has entered itself when it returns: Deno
 * calls the handlers of all requests one after the other without doing so.
 */
function within(frame: OutsideFrame, value: unknown): unknown {
  if (typeof value === "function") {
    const handler = value as AnyFunction;
    return likeness(handler, (...args) => {
      const before = enterOutside(frame);
      try {
        return handler(...args);
      } finally {
        enterOutside(before);
      }
    });
  }
  if (typeof value !== "object" || value === null || !("handler" in value)) return value;
  return { ...value, handler: within(frame, value.handler) };
}

const frames: WeakMap<object, { frame: OutsideFrame }> = new WeakMap();

/** A server that may listen again later enters what was current then. */
function leaveFrame(server: Server): void {
  const frame = outsideFrame();
  const known = frames.get(server);
  if (known !== undefined) {
    known.frame = frame;
    return;
  }
  const entry = { frame };
  frames.set(server, entry);
  server.prependListener("connection", () => {
    beforeConnection = enterOutside(entry.frame);
  });
  if (onDeno) watchRequests();
}

let beforeConnection: AnyFrame;
let watchesRequests = false;

/**
 * Deno takes back nothing that its callbacks from outside enter, so the next one, be it of another connection, would see it.
 * Requests of its node:http come with no async context of their own, that of their connection neither.
 */
function watchRequests(): void {
  if (watchesRequests) return;
  watchesRequests = true;
  subscribe("net.server.socket", () => enterOutside(beforeConnection));
  subscribe("http.server.request.start", (message) => {
    enterOutside(frames.get((message as { server: object }).server)?.frame);
  });
}
