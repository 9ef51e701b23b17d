/** Programs that are interrupted by SIGINT; the first argument says which one. They print what a test wants to know. */
import process from "node:process";
import {
  createTask,
  currentTask,
  Future,
  getRunningLoop,
  run,
  Runner,
  shutdownSignal,
  signalsReceived,
  sleep,
} from "../../../mod.ts";

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function interrupt(): void {
  process.kill(process.pid, "SIGINT");
}

/** Says how a run ended. */
async function tell(running: Promise<unknown>): Promise<void> {
  try {
    say(`value ${await running}`);
  } catch (error) {
    say(`error ${error}`);
  }
}

/** By name. Each sends itself SIGINT some milliseconds after it has begun to wait. */
const programs: Record<string, () => Promise<void>> = {
  async waiting() {
    let future!: Future<void>;
    await tell(run(async () => {
      future = new Future();
      setTimeout(interrupt, 10);
      try {
        await future;
      } finally {
        await sleep(0.01);
        say("unwound");
      }
    }));
    say(`future cancelled ${future.cancelled()}`);
  },

  async spinning() {
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      for (;;) await sleep(0);
    }));
  },

  async leftovers() {
    await tell(run(async () => {
      createTask(async () => {
        try {
          await sleep(60);
        } finally {
          say("leftover unwound");
        }
      });
      setTimeout(interrupt, 10);
      await sleep(60);
    }));
  },

  async cancelledToo() {
    await tell(run(async () => {
      const main = currentTask()!;
      setTimeout(interrupt, 10);
      const other = createTask(async () => {
        try {
          await sleep(60);
        } finally {
          main.cancel();
        }
      });
      await sleep(0);
      try {
        await sleep(60);
      } finally {
        other.cancel();
        try {
          await sleep(60);
        } catch {
          say("cancelled by the other");
        }
      }
    }));
  },

  async withoutUncancel() {
    const runner = new Runner();
    runner.getLoop().setTaskFactory((loop, coro) => {
      const future = loop.createFuture<never>();
      const settle = (end: () => void) => () => future.done() || end();
      Promise.resolve(coro()).then((value) => settle(() => future.setResult(value as never))());
      return future;
    });
    await tell(runner.run(async () => {
      setTimeout(interrupt, 10);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }));
    await runner.close();
  },

  async swallowing() {
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      try {
        await sleep(60);
      } catch {
        return "kept";
      }
      return "not reached";
    }));
  },

  async failing() {
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      try {
        await sleep(60);
      } catch {
        throw new RangeError("own error");
      }
    }));
  },

  async twice() {
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      try {
        await sleep(60);
      } finally {
        say("unwinding");
        setTimeout(interrupt, 10);
        await sleep(60);
      }
    }));
  },

  async afterMain() {
    await tell(run(() => {
      createTask(async () => {
        try {
          await sleep(60);
        } finally {
          say("shutting down");
          setTimeout(interrupt, 10);
          await sleep(60);
        }
      });
      return sleep(0);
    }));
  },

  async afterwards() {
    await tell(run(() => sleep(0, "done")));
    setTimeout(interrupt, 10);
    setTimeout(() => say("survived"), 5000);
  },

  async again() {
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      await sleep(60);
    }));
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      await sleep(60);
    }));
  },

  async overlapping() {
    const body = async () => await sleep(60);
    const runs = [run(body), run(body)];
    setTimeout(interrupt, 10);
    await Promise.all(runs.map(tell));
  },

  async listening() {
    process.on("SIGINT", () => say("own listener"));
    await tell(run(async () => {
      setTimeout(interrupt, 10);
      return await sleep(0.2, "not interrupted");
    }));
    say(`listeners ${process.listenerCount("SIGINT")}`);
  },

  async loopHandler() {
    await tell(run(async () => {
      const loop = getRunningLoop();
      const heard = new Future<string>();
      loop.addSignalHandler("SIGINT", () => heard.setResult("handled by the loop"));
      setTimeout(interrupt, 10);
      return await heard;
    }));
  },

  async received() {
    await tell(run(async () => {
      const signals = signalsReceived("SIGINT");
      setTimeout(interrupt, 10);
      return (await signals.next()).value;
    }));
  },

  async draining() {
    const main = async () => {
      const stop = new Promise((resolve) => shutdownSignal().addEventListener("abort", resolve));
      setTimeout(interrupt, 10);
      await stop;
      say("draining");
      setTimeout(interrupt, 10);
      try {
        await sleep(60);
      } finally {
        say("unwinding");
        setTimeout(interrupt, 10);
        await sleep(60);
      }
    };
    await tell(run(main, { stopSignals: ["SIGINT"], grace: 30 }));
  },

  async impossible() {
    const refuse = () => {
      throw new TypeError("no signals here");
    };
    const { Deno } = globalThis as { Deno?: { addSignalListener: unknown } };
    if (Deno === undefined) process.on = refuse as typeof process.on;
    else Deno.addSignalListener = refuse;
    await tell(run(() => sleep(0, "ran all the same")));
  },

  async debugMode() {
    await tell(run(() => getRunningLoop().getDebug()));
    await tell(run(() => getRunningLoop().getDebug(), { debug: false }));
    await tell(run(() => getRunningLoop().getDebug(), { debug: true }));
    await tell(run(() => getRunningLoop().getDebug(), { debug: null }));
  },
};

await programs[process.argv[2]!]!();
