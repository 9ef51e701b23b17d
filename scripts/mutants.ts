/**
 * Plants mistakes in the heart, one at a time, and looks whether a test notices: each line of the files below has its
 * condition negated, its operator exchanged, its count off by one, or is dropped. A mutant is tried on Deno, with the test
 * files that reach its line, the one that found the most so far first.
 *
 *     deno task mutants                      every mutant of every file
 *     deno task mutants scope.ts deadline    of the files with this in their path
 *     deno task mutants --limit=100          a hundred of them, chosen by chance
 *     deno task mutants --minutes=10         as many as fit
 *     deno task mutants --tests=timeouts     with these test files only (parts of paths, with commas)
 *     deno task mutants --list               what would be planted
 *
 * One that survives is killed by a new test, or the line is not needed, or it stands in `mutants_known.json` with the reason
 * why nobody can notice it.
 */
import { bold, count, inRoot, main, red, ScriptError, since } from "./_shell.ts";
import { Lane } from "./_mutant_lane.ts";
import { readCoverage } from "./_mutant_coverage.ts";
import { type Mutant, mutantsOf } from "./_mutations.ts";

/** What decides over cancellation, and in which order things go. */
const heart: readonly string[] = [
  "runtime/core/cancelled.ts",
  "runtime/core/delivery.ts",
  "runtime/core/scheduler.ts",
  "runtime/core/scope.ts",
  "runtime/core/scope_node.ts",
  "runtime/core/wait.ts",
  "runtime/scopes/deadline.ts",
  "runtime/scopes/known.ts",
  "runtime/scopes/task_groups.ts",
  "runtime/scopes/timeouts.ts",
  "runtime/scopes/with_signal.ts",
  "runtime/tasks/future_wait.ts",
  "runtime/tasks/task.ts",
];

/** Folders of test files that can notice. */
const suites: readonly string[] = [
  "tests/differential/",
  "tests/runtime/combinators/",
  "tests/runtime/core/",
  "tests/runtime/debug/",
  "tests/runtime/loop/",
  "tests/runtime/scopes/",
  "tests/runtime/tasks/",
  "tests/sync/",
  "tests/queues/",
  "tests/testing/",
];

interface Options {
  patterns: string[];
  limit: number;
  minutes: number;
  lanes: number;
  seed: number;
  tests: readonly string[];
  list: boolean;
}

interface Known {
  file: string;
  before: string;
  after: string;
  /** Why no test can notice. */
  reason: string;
}

function parse(args: string[]): Options {
  const options: Options = {
    patterns: [],
    limit: Infinity,
    minutes: Infinity,
    lanes: 2,
    seed: Date.now() % 100_000,
    tests: [],
    list: false,
  };
  for (const arg of args) {
    const [, name, value] = /^--(limit|minutes|lanes|seed)=(\d+)$/.exec(arg) ?? [];
    if (name !== undefined) options[name as "limit"] = Number(value);
    else if (arg.startsWith("--tests=")) options.tests = arg.slice(8).split(",");
    else if (arg === "--list") options.list = true;
    else if (!arg.startsWith("--")) options.patterns.push(arg);
    else throw new ScriptError(`unknown option ${arg}`);
  }
  return options;
}

async function readMutants(patterns: string[]): Promise<Mutant[]> {
  const files = heart.filter((file) =>
    patterns.length === 0 || patterns.some((pattern) => file.includes(pattern))
  );
  if (files.length === 0) throw new ScriptError(`no file has ${patterns.join(" or ")} in its path`);
  const mutants: Mutant[] = [];
  for (const file of files) mutants.push(...mutantsOf(file, await Deno.readTextFile(inRoot(file))));
  return mutants;
}

/** What nobody can notice, and complaints about entries that fit no line any more. */
async function sift(mutants: Mutant[]): Promise<{ left: Mutant[]; stale: Known[] }> {
  const known: Known[] = JSON.parse(await Deno.readTextFile(inRoot("scripts/mutants_known.json")));
  const same = (a: Known, b: Mutant) =>
    a.file === b.file && a.before === b.before && a.after === b.after;
  const files = new Set(mutants.map(({ file }) => file));
  return {
    left: mutants.filter((mutant) => !known.some((entry) => same(entry, mutant))),
    stale: known.filter((entry) =>
      files.has(entry.file) && !mutants.some((mutant) => same(entry, mutant))
    ),
  };
}

function shuffled(mutants: Mutant[], seed: number): Mutant[] {
  let state = seed;
  const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  return mutants.map((mutant) => ({ mutant, at: random() })).sort((a, b) => a.at - b.at)
    .map(({ mutant }) => mutant);
}

function show({ file, line, change, before, after }: Mutant): string {
  return `${file}:${line} ${change}\n    ${before}\n    ${after}`;
}

async function tryAll(mutants: Mutant[], options: Options): Promise<Mutant[]> {
  const start = performance.now();
  const wanted = (test: string) =>
    suites.some((suite) => test.startsWith(suite)) &&
    (options.tests.length === 0 || options.tests.some((part) => test.includes(part)));
  const coverage = await readCoverage(wanted, new Set(mutants.map(({ file }) => file)));
  console.log(`the tests' reach is known (${since(start)})`);
  const waiting = [...mutants];
  const survivors: Mutant[] = [];
  let tried = 0;
  const work = async (lane: Lane): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      if (performance.now() - start > options.minutes * 60_000) return;
      if (!await lane.kills(mutant, coverage)) {
        survivors.push(mutant);
        console.log(`${red("survived")} ${show(mutant)}`);
      }
      if (++tried % 50 === 0) {
        console.log(
          `${tried} of ${mutants.length}, ${survivors.length} survived (${since(start)})`,
        );
      }
    }
  };
  const lanes = Array.from({ length: options.lanes }, (_, number) => new Lane(number));
  try {
    await Promise.all(lanes.map(async (lane) => {
      await lane.lay();
      await work(lane);
    }));
  } finally {
    await Promise.all(lanes.map((lane) => lane.remove()));
  }
  console.log(bold(`\n${count(tried, "mutant")}, ${survivors.length} survived (${since(start)})`));
  return survivors;
}

if (import.meta.main) {
  await main(async () => {
    const options = parse(Deno.args);
    const all = await readMutants(options.patterns);
    const { left, stale } = await sift(all);
    for (const { file, before } of stale) {
      console.log(`${red("stale")} mutants_known.json: ${file} has no such line\n    ${before}`);
    }
    if (options.list) {
      for (const mutant of left) console.log(show(mutant));
      console.log(`${count(left.length, "mutant")}, ${all.length - left.length} known`);
      return 0;
    }
    const chosen = options.limit < left.length
      ? shuffled(left, options.seed).slice(0, options.limit)
      : options.minutes < Infinity
      ? shuffled(left, options.seed)
      : left;
    console.log(`${count(chosen.length, "mutant")} of ${all.length} (seed ${options.seed})`);
    const survivors = await tryAll(chosen, options);
    return survivors.length + stale.length === 0 ? 0 : 1;
  });
}
