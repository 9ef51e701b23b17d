/**
 * Queues between tasks: first in first out, by priority, last in first out; to all subscribers.
 *
 * @module
 */
export { Broadcast, type BroadcastOptions, type Subscription } from "./broadcast.ts";
export { PriorityQueue } from "./priority_queue.ts";
export { LifoQueue, Queue } from "./queue.ts";
