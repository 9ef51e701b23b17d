/** What the workers do for this library: the buffer goes back as a transfer. */
import { transfer } from "../../mod.ts";

export { compute, nothing } from "./_work.ts";

export function back(data: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return transfer(data, [data.buffer]);
}
