import { noteDescriptors } from "../../runtime/core/lazy_module.ts";
import { type Closable, waitForHost } from "../core/operations.ts";
import type { LoopCore } from "../../runtime/core/loop_core.ts";
import { FRESH, type SocketBody, type SocketState } from "./state.ts";

/** How a socket is opened. */
export interface OpeningCall<Place, It extends Closable> {
  readonly what: string;
  /** Looks up where. */
  find(): Promise<Place>;
  /** Starts the work of the host. */
  start(place: Place): { readonly promise: PromiseLike<It>; cancel?(): void };
  /** What the socket is when that has ended well. */
  made(it: It): SocketBody;
  /** The error for a socket that was closed meanwhile. */
  closedError(): Error;
}

/**
 * Opens a socket whose turn it is: a fresh one, or one that was bound for a connection. It ends when the host does, when the
 * task is cancelled, or when the socket is closed; in the latter cases nothing stays open.
 */
export async function openSocket<Place, It extends Closable>(
  state: SocketState,
  loop: LoopCore,
  call: OpeningCall<Place, It>,
): Promise<void> {
  const before = state.body;
  const bound = before.kind === "listening" ? before.it : null;
  let held = bound;
  let cancel: (() => void) | null = null;
  let over = false;
  const begin = async (): Promise<It> => {
    const place = await call.find();
    if (over) throw call.closedError();
    // The runtimes bind and connect in one call, so the place held by the binding has to be free again.
    held?.close();
    held = null;
    const work = call.start(place);
    cancel = () => work.cancel?.();
    return await work.promise;
  };
  const giveUp = (): void => {
    over = true;
    cancel?.();
  };
  let closeEarly = (): void => {};
  const outcome = new Promise<It>((resolve, reject) => {
    closeEarly = () => {
      held?.close();
      reject(call.closedError());
      giveUp();
    };
    begin().then((it) => {
      if (!over) return resolve(it);
      it.close();
      reject(call.closedError());
    }, reject);
  });
  const localAddr = bound?.localAddr ?? null;
  const body: SocketBody = { kind: "opening", it: { localAddr, close: closeEarly } };
  state.body = body;
  try {
    const tooLate = (late: It): void => late.close();
    const it = await waitForHost(loop, outcome, call.what, { giveUp, tooLate });
    // Closed after the work had ended, before this went on.
    if (state.body !== body) {
      it.close();
      throw call.closedError();
    }
    state.body = call.made(it);
    noteDescriptors(1);
  } finally {
    if (state.body === body) state.body = held === null ? FRESH : before;
  }
}
