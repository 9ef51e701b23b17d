/** Does what debug mode has something to say about. */
import { createTask, Future, getRunningLoop, run, sleep } from "../../../mod.ts";

await run(async () => {
  const loop = getRunningLoop();
  loop.slowCallbackDuration = 0.02;
  loop.callSoon(function busy() {
    const end = performance.now() + 30;
    while (performance.now() < end);
  });
  const stubborn = createTask(async () => {
    await sleep(10).catch(() => {});
  });
  await sleep(0);
  stubborn.cancel();
  await stubborn;
  createTask(() => {
    throw new Error("nobody reads this");
  });
  const gate = new Future<void>();
  const standstill = gate;
  // Longer than debug mode waits before it reports a standstill.
  setTimeout(() => gate.setResult(), 1300);
  await standstill;
});
