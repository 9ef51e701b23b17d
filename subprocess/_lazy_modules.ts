import { LazyModule } from "../runtime/_lazy.ts";

/** What only those need who start a child: the host of the runtime, and the transports of a child and its pipes. */
export const startCalls: LazyModule<typeof import("./_start_process.ts")> = new LazyModule(
  "the code for subprocesses",
  () => import("./_start_process.ts"),
);
