interface Runtime {
  readonly Deno?: {
    openSync(path: string): { close(): void };
    readonly permissions: {
      querySync(asked: { name: "read"; path: string }): { state: string };
    };
  };
  /** Looked up when it is needed: on Deno it is a part of the runtime that takes its time to load. */
  readonly process: { getBuiltinModule(name: string): never };
}

const runtime = globalThis as unknown as Runtime;
const { Deno } = runtime;

/** Whether that many descriptors are free, as far as it is permitted to look. */
export function areFree(count: number): boolean {
  return lack(count) === null;
}

/** What the system says when that many are to be opened, or null. */
export function lack(count: number): unknown {
  const opened: (() => void)[] = [];
  try {
    const open = opener();
    while (open !== null && opened.length < count) opened.push(open());
  } catch (error) {
    // A system without that file has other limits.
    if (isExhaustion(error)) return error;
  } finally {
    for (const close of opened) close();
  }
  return null;
}

const NOTHING = "/dev/null";

/** What opens a descriptor and gives what closes it; null where that is not permitted. */
function opener(): (() => () => void) | null {
  if (Deno !== undefined) {
    const { state } = Deno.permissions.querySync({ name: "read", path: NOTHING });
    if (state !== "granted") return null;
    return () => {
      const file = Deno.openSync(NOTHING);
      return () => file.close();
    };
  }
  const { openSync, closeSync } = runtime.process.getBuiltinModule("node:fs") as {
    openSync(path: string): number;
    closeSync(fd: number): void;
  };
  return () => {
    const fd = openSync(NOTHING);
    return () => closeSync(fd);
  };
}

/** Bun says which module it could not read, Deno what the system said, and both in words only. */
export function isExhaustion(error: unknown): boolean {
  return /EMFILE|ENFILE|too many open files/i.test(String(error));
}
