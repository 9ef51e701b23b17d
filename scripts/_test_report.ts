/** What the tests' script tells of a run: the failures, the tests that some runtime did not see, the slowest files. */
import { bold, count, green, grey, red } from "./_shell.ts";
import type { TestRun } from "./_test_run.ts";
import type { TestCase } from "./_junit.ts";

export interface Tally {
  passed: number;
  failed: number;
  skipped: number;
}

export function tally(run: TestRun): Tally {
  const of = (outcome: string) => run.cases.filter((test) => test.outcome === outcome).length;
  const crash = run.trouble === null ? 0 : 1;
  return { passed: of("passed"), failed: of("failed") + crash, skipped: of("skipped") };
}

export function summary(run: TestRun): string {
  const { passed, failed, skipped } = tally(run);
  const parts = [green(`${passed} passed`)];
  if (failed > 0) parts.push(red(`${failed} failed`));
  if (skipped > 0) parts.push(`${skipped} skipped`);
  const time = grey(`(${run.seconds.toFixed(1)} s)`);
  return `${run.runtime.title.padEnd(14)} ${parts.join(", ")} ${time}`;
}

export function reportFailures(runs: readonly TestRun[]): void {
  for (const { runtime, cases, trouble } of runs) {
    for (const { file, name, outcome, details } of cases) {
      if (outcome !== "failed") continue;
      console.log(
        `\n${red("FAILED")} ${bold(name)}\n${
          grey([runtime.title, file].filter((part) => part !== "").join(" · "))
        }`,
      );
      console.log(indent(details));
    }
    if (trouble !== null) {
      console.log(`\n${red("FAILED")} ${bold(runtime.title)}\n${indent(trouble)}`);
    }
  }
}

/** Tests that cannot run everywhere, with the reason: the others must. */
const knownHoles: readonly [name: RegExp, reason: string][] = [
  [/^TLS-06: Deno: /, "about Deno's own sockets"],
];

/**
 * Tests with a behaviour id that some runtime did not even see: a hole in the proof. Tells of those that are not known, and
 * gives how many there are.
 */
export function reportHoles(runs: readonly TestRun[]): number {
  const sound = runs.filter((run) => run.trouble === null);
  const namesOf = (run: TestRun) => new Set(run.cases.map(idName).filter((name) => name !== null));
  const perRun = sound.map(namesOf);
  const all = new Set(perRun.flatMap((names) => [...names]));
  let holes = 0;
  sound.forEach((run, index) => {
    const missing = [...all].filter((name) =>
      !perRun[index]?.has(name) && !knownHoles.some(([known]) => known.test(name))
    );
    if (missing.length === 0) return;
    holes += missing.length;
    console.log(
      `\n${red("FAILED")} ${run.runtime.title} did not run ${
        count(missing.length, "test")
      } that others ran; skip by name, or list the reason in scripts/_test_report.ts:`,
    );
    for (const name of missing.slice(0, 10)) console.log(`  ${name}`);
    if (missing.length > 10) console.log(`  and ${missing.length - 10} more`);
  });
  return holes;
}

/** The files that cost most processor time on each runtime, when each ran in a process of its own. */
export function reportTimes(runs: readonly TestRun[]): void {
  for (const { runtime, costs } of runs) {
    const sum = costs.reduce((total, { processorTime }) => total + processorTime, 0);
    console.log(bold(`\n${runtime.title}: ${sum.toFixed(1)} s of processor time`));
    const slowest = costs.toSorted((a, b) => b.processorTime - a.processorTime).slice(0, 25);
    for (const { files, processorTime } of slowest) {
      console.log(`${processorTime.toFixed(1).padStart(8)}  ${files.join(" ")}`);
    }
  }
}

/** Processor time of all programs that this process waited for, in seconds; Linux tells it, for others it is null. */
export function processorTimeOfChildren(): number | null {
  if (Deno.build.os !== "linux") return null;
  const stat = Deno.readTextFileSync("/proc/self/stat");
  // Behind the name in parentheses follow the fields from the third on; cutime and cstime are the 16th and 17th.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Math.round((Number(fields[13]) + Number(fields[14])) / 100);
}

/** The outermost name with an id, without the reason why it is skipped here: Bun does not list subtests. */
function idName(test: TestCase): string | null {
  const name = test.name.split(" > ").find((name) => /^[A-Z]+-\d/.test(name));
  return name?.replace(/ \((?:skipped|not run)\b.*\)$/, "") ?? null;
}

function indent(text: string): string {
  return text.split("\n").slice(0, 60).map((line) => `    ${line}`).join("\n");
}
