// A task that catches whatever comes and waits again, on a loop that is closed under it.
import { createTask, newEventLoop, sleep } from "../../../mod.ts";

const loop = newEventLoop();
await loop.runUntilComplete(async () => {
  createTask(async () => {
    for (;;) {
      try {
        await sleep(60);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
      }
    }
  });
  await sleep(0);
});
loop.close();
setTimeout(() => console.log("the process goes on"), 1);
