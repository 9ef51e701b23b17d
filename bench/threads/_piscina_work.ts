/** What the workers do for piscina: the buffer goes back as a move. */
import { load } from "../_kit.ts";

const { move } = await load("piscina");

export { compute, nothing } from "./_work.ts";

export function back(data: Uint8Array): Uint8Array {
  return move(data);
}
