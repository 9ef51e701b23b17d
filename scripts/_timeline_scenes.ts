/** The programs behind the pictures of docs/guide/several_lines.md, each run in virtual time while its picture is made. */
import { createTask, currentSignal, getRunningLoop, sleep, timeout } from "../mod.ts";
import type { Film } from "./_timeline_film.ts";

export interface Scene {
  /** Name of the picture, without ".svg". */
  readonly name: string;
  readonly title: string;
  /** The scopes, outermost first; the lines are below the last one. */
  readonly scopes: readonly string[];
  readonly lines: readonly string[];
  /** Seconds that the picture shows. */
  readonly seconds: number;
  play(film: Film): Promise<unknown>;
}

/** A call that asyncio knows nothing of. */
function foreign(seconds: number): Promise<void> {
  return new Promise((resolve) => getRunningLoop().callLater(seconds, resolve));
}

/** One that obeys a signal and needs some time to do so. */
function driver(signal: AbortSignal, seconds: number): Promise<void> {
  const loop = getRunningLoop();
  return new Promise((_resolve, reject) => {
    const stop = () => loop.callLater(seconds, () => reject(signal.reason));
    signal.addEventListener("abort", stop, { once: true });
  });
}

async function cancelled(film: Film, at: number, body: () => Promise<unknown>): Promise<void> {
  const task = createTask(body);
  await sleep(at);
  film.mark("task.cancel()");
  task.cancel();
  await film.ends("the task", task);
}

export const scenes: readonly Scene[] = [
  {
    name: "one_line",
    title: "One line: one request is one CancelledError",
    scopes: ["task"],
    lines: ["body"],
    seconds: 0.2,
    play: (film) =>
      cancelled(film, 0.06, async () => {
        try {
          await film.wait("body", "sleep(10)", () => sleep(10));
        } finally {
          await film.foreign("body", "file.close()", () => foreign(0.04));
          await film.wait("body", "rollback", () => sleep(0.05));
        }
      }),
  },
  {
    name: "two_lines",
    title: "Two lines: the request is offered once more to the one that has not heard of it",
    scopes: ["task"],
    lines: ["optional part", "main line"],
    seconds: 0.3,
    play: (film) =>
      cancelled(film, 0.06, () =>
        Promise.all([
          film.wait("optional part", "sleep(10)", () => sleep(10)).catch(() => "none"),
          (async () => {
            await film.wait("main line", "sleep", () => sleep(0.03));
            await film.foreign("main line", "query()", () => foreign(0.12));
            await film.wait("main line", "sleep(1)", () => sleep(1));
          })(),
        ])),
  },
  {
    name: "left_scope",
    title: "A scope that has ended cancelled stays so: no line works on in it",
    scopes: ["task", "timeout(0.06)"],
    lines: ["waits", "copies rows"],
    seconds: 0.2,
    play: async (film) => {
      film.at(0.06, "the deadline");
      const body = () =>
        Promise.all([
          film.wait("waits", "sleep(10)", () => sleep(10)),
          (async () => {
            for (let i = 0; i < 5; i++) {
              await film.foreign("copies rows", "insert()", () => foreign(0.035));
              await film.wait("copies rows", "sleep", () => sleep(0.01));
            }
          })(),
        ]);
      await film.ends("the timeout", timeout(0.06).with(body));
    },
  },
  {
    name: "signal",
    title: "A signal that was asked for counts as delivered, however long the call takes to obey",
    scopes: ["task"],
    lines: ["body"],
    seconds: 0.25,
    play: (film) =>
      cancelled(film, 0.06, async () => {
        try {
          await film.foreign("body", "query(currentSignal())", () => driver(currentSignal(), 0.05));
        } finally {
          await film.wait("body", "rollback", () => sleep(0.06));
        }
      }),
  },
  {
    name: "grace",
    title: "A deadline waits for a body that has taken its request for the grace, and not longer",
    scopes: ["task", "timeout(0.2)"],
    lines: ["optional part", "main line"],
    seconds: 2.4,
    play: async (film) => {
      film.at(0.2, "the deadline");
      const body = () =>
        Promise.all([
          film.wait("optional part", "sleep(10)", () => sleep(10)).catch(() => "none"),
          film.foreign("main line", "query()", () => foreign(2)),
        ]);
      await film.ends("the timeout", timeout(0.2).with(body));
    },
  },
];
