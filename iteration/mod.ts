/**
 * Work on what is iterated, with so much at once as is allowed: map, flatMap, merge, batch, ticks.
 *
 * @module
 */
export {
  batch,
  type BatchOptions,
  flatMap,
  map,
  type MapIterationOptions,
  merge,
  ticks,
} from "./calls.ts";
