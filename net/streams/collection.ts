import { bunNamespace } from "../../runtime/base/platform.ts";

// The runtimes collect garbage when memory asks for it, which an idle program's never does.

/** V8 collects when so much more lies outside its heap. The memory is never touched, so it costs none. */
const PRESSURE = 2 ** 28;

/** Two are enough on V8; the others are for a collection that was already under way. */
const ATTEMPTS = 4;

/** Asks the runtime to collect garbage soon, without any flag; ends when it has, or would not. */
export async function requestCollection(): Promise<void> {
  const bun = bunNamespace as { gc(force: boolean): void } | undefined;
  const witness = new WeakRef({});
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    // Without force it would look at young objects only.
    if (bun !== undefined) bun.gc(true);
    else if (!press()) break;
    // A weakly held object stays until the turn ends in which it was made or looked at.
    await nextTurn();
    if (witness.deref() === undefined) break;
  }
  // Who registered for it is told in turns that follow.
  await nextTurn();
}

/** False where there is no room for it: a program that short of memory collects by itself. */
function press(): boolean {
  try {
    return new ArrayBuffer(PRESSURE).byteLength > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
