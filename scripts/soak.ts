/**
 * Runs the tests again and again, to find those that fail now and then.
 *
 *     deno task soak --rounds=20 net          test files with "net" in their path, 20 times
 *     deno task soak --minutes=30 --only=bun  as often as fits in half an hour, on Bun only
 *     deno task soak --rounds=1 soak          what takes too long for every run (tests/soak), once
 *     deno task soak --mutants                the mutants of the heart (see mutants.ts), all of them, in the place of tests
 */
import { bold, count, deno, inRoot, main, run, ScriptError, since } from "./_shell.ts";

interface Limits {
  rounds: number;
  minutes: number;
  /** What goes to `scripts/test.ts` as it is. */
  rest: string[];
}

function parse(args: string[]): Limits {
  const limits: Limits = { rounds: Infinity, minutes: Infinity, rest: [] };
  for (const arg of args) {
    const [, name, value] = /^--(rounds|minutes)=(.*)$/.exec(arg) ?? [];
    if (name !== "rounds" && name !== "minutes") {
      limits.rest.push(arg);
      continue;
    }
    limits[name] = Number(value);
    if (!(limits[name] > 0)) throw new ScriptError(`${arg}: not a positive number`);
  }
  if (limits.rounds === Infinity && limits.minutes === Infinity) limits.rounds = 10;
  return limits;
}

/** Whether a test notices each mistake that can be planted in the heart. */
async function tryMutants(args: string[]): Promise<number> {
  const script = inRoot("scripts/mutants.ts");
  const { code } = await run(deno, ["run", "--allow-all", script, ...args], {
    timeout: 24 * 3600,
    echo: true,
  });
  return code;
}

if (import.meta.main) {
  await main(async () => {
    if (Deno.args.includes("--mutants")) {
      return await tryMutants(Deno.args.filter((arg) => arg !== "--mutants"));
    }
    const { rounds, minutes, rest } = parse(Deno.args);
    const start = performance.now();
    const failures = new Map<string, number>();
    let round = 0;
    while (round < rounds && performance.now() - start < minutes * 60_000) {
      round++;
      const args = ["run", "--allow-all", inRoot("scripts/test.ts"), ...rest];
      // It ends itself what hangs; a test of tests/soak may take hours.
      const { code, output } = await run(deno, args, { timeout: Infinity });
      const lines = output.split("\n");
      // A failure is its name and, on the line below, runtime and file.
      const failed = lines.flatMap((line, index) =>
        line.startsWith("FAILED ") ? [`${line.slice(7)}  (${lines[index + 1] ?? ""})`] : []
      );
      if (code !== 0 && failed.length === 0) throw new ScriptError(output.trimEnd());
      if (failed.length > 0) console.log(`round ${round}\n${output.trimEnd()}\n`);
      for (const name of failed) failures.set(name, (failures.get(name) ?? 0) + 1);
      console.log(`round ${round}: ${count(failed.length, "failure")} (${since(start)})`);
    }
    const sorted = [...failures].sort(([, a], [, b]) => b - a);
    console.log(bold(`\n${count(round, "round")}, ${count(sorted.length, "test")} failed`));
    for (const [name, times] of sorted) {
      console.log(`${String(times).padStart(4)} of ${round}  ${name}`);
    }
    return sorted.length === 0 ? 0 : 1;
  });
}
