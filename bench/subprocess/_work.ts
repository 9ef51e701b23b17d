/** What the children of the subprocess rows do. */

export type Command = readonly [program: string, ...args: string[]];

export const nothing: Command = ["true"];
export const spawns = 60;

/** Bytes that go through a child's pipe. */
export const bytes: number = 1 << 28;
/** Writes that many bytes to its stdout. */
export const source = (size: number): Command => ["head", "-c", String(size), "/dev/zero"];
/** Reads its stdin to the end. */
export const sink: Command = ["sh", "-c", "cat >/dev/null"];
export const block: Uint8Array = new Uint8Array(65536);

/** A child that sent too little has not been measured. */
export function expect(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`${got} bytes instead of ${wanted}`);
}
