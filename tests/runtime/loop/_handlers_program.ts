// What a process does with signals that could end it: for tests in a process of its own.
import {
  Event,
  EventLoop,
  getEventLoop,
  getRunningLoop,
  KeyboardInterrupt,
  run,
  sleep,
} from "../../../mod.ts";

function raise(signal: string): void {
  process.kill(process.pid, signal);
}

/** Raises a signal whose handler sets the event. */
async function raised(signal: string, event: Event): Promise<void> {
  event.clear();
  raise(signal);
  await event.wait();
}

const programs: Record<string, () => unknown> = {
  remove: () =>
    run(async () => {
      const loop = getRunningLoop();
      const event = new Event();
      for (const signal of ["SIGHUP", "SIGALRM"]) {
        loop.addSignalHandler(signal, () => {
          console.log("SIGALRM");
          event.set();
        });
      }
      await raised("SIGALRM", event);
      await raised("SIGHUP", event);
      console.log(`SIGHUP removed: ${loop.removeSignalHandler("SIGHUP")}`);
      await raised("SIGALRM", event);
      console.log("now SIGHUP");
      raise("SIGHUP");
      await sleep(30);
    }),

  interrupt: async () => {
    try {
      await run(async () => {
        const loop = getRunningLoop();
        const event = new Event();
        loop.addSignalHandler("SIGINT", () => {
          console.log("own handler");
          event.set();
        });
        await raised("SIGINT", event);
        await sleep(0.01);
        console.log("main goes on");
        loop.removeSignalHandler("SIGINT");
        raise("SIGINT");
        try {
          await sleep(30);
        } finally {
          console.log("main cancelled");
        }
      });
    } catch (error) {
      console.log(error instanceof KeyboardInterrupt ? "KeyboardInterrupt" : String(error));
    }
  },

  close: async () => {
    const loop = new EventLoop();
    const event = new Event();
    await loop.runUntilComplete(async () => {
      loop.addSignalHandler("SIGHUP", () => {
        console.log("SIGHUP");
        event.set();
      });
      await raised("SIGHUP", event);
    });
    loop.close();
    console.log("closed");
    raise("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 30_000));
  },

  idle: () => {
    getEventLoop().addSignalHandler("SIGHUP", () => {});
    console.log("registered");
  },
};

await programs[process.argv[2]!]!();
