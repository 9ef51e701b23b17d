/** Waits for a SIGINT, and tells what came of it. */
import { CancelledError, KeyboardInterrupt, run, sleep } from "../../../mod.ts";

try {
  await run(async () => {
    console.log("ready");
    await sleep(60);
  });
} catch (error) {
  console.log(error instanceof KeyboardInterrupt && error.cause instanceof CancelledError);
}
