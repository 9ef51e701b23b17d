// Run by full_stderr.test.ts with a standard error that takes nothing: reports all that the library reports by itself.
import { createTask, Future, getRunningLoop, run, sleep } from "../../../mod.ts";
import { warn } from "../../../runtime/base/warnings.ts";

const ways: Record<string, () => Promise<void>> = {
  async "the default exception handler"() {
    for (let i = 0; i < 3; i++) {
      getRunningLoop().callSoon(() => {
        throw new Error("one bad callback");
      });
      await sleep(0.05);
    }
  },
  async "a handler that fails"() {
    const loop = getRunningLoop();
    loop.setExceptionHandler(() => {
      throw new Error("a bad handler");
    });
    for (let i = 0; i < 3; i++) {
      loop.callExceptionHandler({ message: "something", exception: new Error("it") });
      await sleep(0.05);
    }
  },
  async "a warning"() {
    for (let i = 0; i < 3; i++) {
      warn("ResourceWarning", `resource ${i}`);
      await sleep(0.05);
    }
  },
  async "debug mode"() {
    getRunningLoop().setDebug(true);
    getRunningLoop().slowCallbackDuration = 0.001;
    for (let i = 0; i < 3; i++) {
      const task = createTask(async () => {
        const end = performance.now() + 10;
        while (performance.now() < end);
        await new Future();
      });
      await sleep(0.05);
      task.cancel();
    }
  },
};

await run(ways[process.argv[2]!]!);
// Errors of a stream are told some time after its write.
await new Promise((resolve) => setTimeout(resolve, 100));
console.log("end");
