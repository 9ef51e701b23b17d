/** What tests of child processes share. */
import { sleep } from "../../mod.ts";

export function text(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder().decode(bytes!);
}

/** Waits for something that only the world outside can bring about, for which no event exists. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !condition(); waited++) {
    if (waited > 2000) throw new Error(`${what} did not happen within 10 seconds`);
    await sleep(0.005);
  }
}

/** Whether a process of this number exists, zombies included. */
export function exists(pid: number): boolean {
  try {
    // Signal 0 only asks.
    process.kill(pid, 0);
    return true;
  } catch (error) {
    if ((error as { code?: string }).code !== "ESRCH") throw error;
    return false;
  }
}
