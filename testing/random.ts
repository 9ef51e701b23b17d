/**
 * Mulberry32: a random source of 32 bits of state, in integer operations only, so that a seed gives the same numbers on every
 * runtime. Returns numbers from 0 up to 1.
 */
export function randomFrom(seed: number): () => number {
  let state = mix(seed | 0) ^ mix(Math.floor(seed / 2 ** 32) ^ 0x5bd1e995);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    return mix(state) / 2 ** 32;
  };
}

function mix(bits: number): number {
  let mixed = Math.imul(bits ^ (bits >>> 15), bits | 1);
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
  return (mixed ^ (mixed >>> 14)) >>> 0;
}
