/**
 * Keeps commands running: one that ends is started again, after a pause that doubles as long as it keeps ending soon. Ctrl-C
 * or SIGTERM stops all: SIGTERM first, SIGKILL after a grace period, to everything a command has started.
 *
 *     deno run -A examples/supervisor.ts --pause=0.5 "python3 -m http.server" "sleep 3"
 */
import * as asyncio from "../mod.ts";
import { numberOf, parse, program, text, UsageError } from "./_program.ts";

interface Plan {
  /** Seconds before the first new start; doubles up to `longest`. */
  pause: number;
  longest: number;
  /** How often a command may end soon, one time after the other, before it is given up. */
  retries: number;
  /** Seconds between SIGTERM and SIGKILL. */
  grace: number;
}

async function main(args: string[]): Promise<void> {
  const { options, rest: commands } = parse(args, {
    pause: "0.5",
    longest: "30",
    retries: "5",
    grace: "5",
  });
  if (commands.length === 0) throw new UsageError("Which commands?");
  const plan: Plan = {
    pause: numberOf(options.pause, "--pause", 0, 3600),
    longest: numberOf(options.longest, "--longest", 0, 86_400),
    retries: numberOf(options.retries, "--retries", 0, 1e9),
    grace: numberOf(options.grace, "--grace", 0, 3600),
  };
  await new asyncio.TaskGroup().with((group) => {
    asyncio.getRunningLoop().addSignalHandler("SIGTERM", () => {
      console.log("stopping");
      group.cancel();
    });
    for (const command of commands) group.createTask(() => keepRunning(command, plan));
  });
  console.log("nothing is left running");
}

async function keepRunning(command: string, plan: Plan): Promise<void> {
  const loop = asyncio.getRunningLoop();
  const name = command.split(/\s+/)[0]!;
  let failures = 0;
  while (true) {
    const started = loop.time();
    const code = await runOnce(name, command, plan.grace);
    // One that ran for a good while is healthy: its next end is a new story.
    if (loop.time() - started > plan.longest) failures = 0;
    if (failures++ >= plan.retries) {
      console.log(`[${name}] given up after ${failures} attempts`);
      return;
    }
    const pause = Math.min(plan.longest, plan.pause * 2 ** (failures - 1));
    console.log(`[${name}] ended with ${code}, starts again in ${pause} s`);
    await asyncio.sleep(pause * (0.9 + 0.2 * Math.random())); // not all at the same moment
  }
}

/** Runs a command to its end, or ends it when the supervisor stops. */
async function runOnce(name: string, command: string, grace: number): Promise<number> {
  const child = await asyncio.createSubprocessShell(command, {
    stdin: asyncio.DEVNULL,
    stdout: asyncio.PIPE,
    stderr: asyncio.STDOUT,
    startNewSession: true,
  });
  console.log(`[${name}] runs as ${child.pid}`);
  try {
    for await (const line of child.stdout!) console.log(`[${name}] ${text(line).trimEnd()}`);
    return await child.wait();
  } finally {
    if (child.returncode === null) {
      console.log(`[${name}] stopped with ${await asyncio.terminateProcess(child, { grace })}`);
    }
  }
}

await program(
  "supervisor.ts [--pause=0.5] [--longest=30] [--retries=5] [--grace=5] COMMAND...",
  main,
);
