import { builtin, denoNamespace, isGranted } from "./platform.ts";

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
  if (denoNamespace !== undefined) {
    const deno = denoNamespace;
    if (!isGranted({ name: "read", path: NOTHING })) return null;
    return () => {
      const file = deno.openSync(NOTHING);
      return () => file.close();
    };
  }
  const { openSync, closeSync } = builtin("node:fs");
  return () => {
    const fd = openSync(NOTHING, "r");
    return () => closeSync(fd);
  };
}

/** Bun says which module it could not read, Deno what the system said, and both in words only. */
export function isExhaustion(error: unknown): boolean {
  return /EMFILE|ENFILE|too many open files/i.test(String(error));
}
