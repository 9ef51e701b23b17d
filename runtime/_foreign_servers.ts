import { subscribe } from "node:diagnostics_channel";
import { enterOutside, hasFrame, type OutsideFrame, outsideFrame, runOutside } from "./_frame.ts";

/**
 * A server belongs to nobody: what the runtime calls for a request is no line of the task that made the server, is not
 * cancelled with it, and runs on the ambient loop with the values that were current when the server began to listen.
 *
 * The runtimes disagree on the async context of a request. Bun and Node hand on that of whoever called `listen()`, Deno's HTTP
 * servers hand on none. So it is put right where a server begins: `Bun.serve` and `Bun.listen` (which Bun's node:http and
 * node:net call) are called in the frame of plain code, `Deno.serve` gets a handler that enters it, and servers of node:net,
 * and all that are built on it, enter it before they hand out a connection.
 */

type AnyFunction = (...args: unknown[]) => unknown;

interface Server {
  prependListener(event: "connection", listener: () => void): unknown;
}

const { Bun, Deno } = globalThis as unknown as {
  readonly Bun?: Record<string, AnyFunction>;
  readonly Deno?: Record<string, AnyFunction>;
};

/** Once, when the library is loaded. */
export function keepServersOutside(): void {
  if (Bun !== undefined) {
    for (const name of ["serve", "listen"]) {
      replace(Bun, name, (original, args) => {
        const server = outside(() => Reflect.apply(original, Bun, args));
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
  if (Deno !== undefined) {
    replace(Deno, "serve", (original, args) => {
      const frame = outsideFrame();
      return original(...(frame === undefined ? args : args.map((value) => within(frame, value))));
    });
  }
  subscribe("tracing:net.server.listen:asyncStart", (message) => {
    if (hasFrame()) leaveFrame((message as { server: Server }).server);
  });
}

function outside(call: () => unknown): unknown {
  return hasFrame() ? runOutside(outsideFrame(), call) : call();
}

/** Puts another function in the place of a runtime's; where that can't be done, things stay as the runtime has them. */
function replace(
  owner: Record<string, AnyFunction>,
  name: string,
  call: (original: AnyFunction, args: unknown[]) => unknown,
): void {
  const original = owner[name];
  if (typeof original !== "function") return;
  Reflect.set(owner, name, likeness(original, (...args) => call(original, args)));
}

/** Deno makes no Request for a handler that takes none. */
function likeness(original: AnyFunction, replacement: AnyFunction): AnyFunction {
  for (const key of ["name", "length"] as const) {
    Object.defineProperty(replacement, key, { value: original[key] });
  }
  return replacement;
}

/** A handler, or options that hold one, entered in `frame`. */
function within(frame: OutsideFrame, value: unknown): unknown {
  if (typeof value === "function") {
    const handler = value as AnyFunction;
    return likeness(handler, (...args) => runOutside(frame, () => handler(...args)));
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
  server.prependListener("connection", () => enterOutside(entry.frame));
  if (Deno !== undefined) watchRequests();
}

let watchesRequests = false;

/** Requests of Deno's node:http come with no async context, that of their connection neither. */
function watchRequests(): void {
  if (watchesRequests) return;
  watchesRequests = true;
  subscribe("http.server.request.start", (message) => {
    const entry = frames.get((message as { server: object }).server);
    if (entry !== undefined) enterOutside(entry.frame);
  });
}
