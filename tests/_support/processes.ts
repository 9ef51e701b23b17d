/** What tests of child processes share. */
import { readdirSync, readFileSync } from "node:fs";
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

/** The numbers of this process's children, zombies included, as Linux tells them. */
export function ownChildren(): number[] {
  const children: number[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = readIfThere(`/proc/${name}/stat`);
    // The name in parentheses may contain anything; the state and the parent's number follow it.
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    if (parent === process.pid) children.push(Number(name));
  }
  return children;
}

/** "" where there is no such file, as for a process that has just ended. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (error) {
    if (!["ENOENT", "ESRCH"].includes((error as { code: string }).code)) throw error;
    return "";
  }
}

/** How many descriptors this process has open. */
export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
