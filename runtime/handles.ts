export { Handle, TimerHandle } from "./_handle.ts";
