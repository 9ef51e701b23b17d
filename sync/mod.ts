/**
 * What tasks use to wait for each other: locks, events, conditions, semaphores, barriers, limiters.
 *
 * @module
 */
export { Barrier } from "./barrier.ts";
export { CapacityLimiter } from "./capacity_limiter.ts";
export { Condition } from "./condition.ts";
export { Event } from "./event.ts";
export { Lock } from "./lock.ts";
export { RateLimiter } from "./rate_limiter.ts";
export type { Releaser } from "./wait_list.ts";
export { BoundedSemaphore, Semaphore } from "./semaphore.ts";
export type { Statistics } from "./wait_list.ts";
