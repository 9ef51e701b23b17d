/**
 * Queues between tasks: first in first out, by priority, last in first out.
 *
 * @module
 */
export { LifoQueue } from "./lifo_queue.ts";
export { PriorityQueue } from "./priority_queue.ts";
export { Queue } from "./queue.ts";
