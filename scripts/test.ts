/**
 * Runs the tests on every runtime: Deno and Bun on the sources, Node 24 and Node 20 on the packed build.
 *
 *     deno task test                     all tests, all runtimes
 *     deno task test sync net/tls        only test files with this in their path
 *     deno task test --only=deno,bun     only these of deno, bun, node24, node20
 *     deno task test --name=LOCK-03      only tests with this in their name
 *     deno task test --times             each file in a process of its own, and what costs most processor time
 *     deno task test --verbose           show all that the runners print
 */
import { bold, count, grey, inRoot, main, remove, ScriptError } from "./_shell.ts";
import { installDevPackages } from "./_dev_packages.ts";
import { linkRivals } from "./_page_packages.ts";
import { layStage } from "./_stage.ts";
import { findTests, runTests } from "./_test_run.ts";
import type { TestRun } from "./_test_run.ts";
import {
  processorTimeOfChildren,
  reportFailures,
  reportHoles,
  reportTimes,
  summary,
  tally,
} from "./_test_report.ts";
import type { Tally } from "./_test_report.ts";
import { findRuntime, runtimeNames } from "./runtimes.ts";
import type { Runtime, RuntimeName } from "./runtimes.ts";

/** Processes at a time: most tests wait more than they compute. */
const AT_ONCE = Math.max(2, navigator.hardwareConcurrency * 2);
/** Test files that one process runs. */
const FILES_OF_PART = 16;

interface Options {
  patterns: string[];
  only: RuntimeName[];
  name: string | null;
  times: boolean;
  verbose: boolean;
  timeout: number;
}

function parse(args: string[]): Options {
  const options: Options = {
    patterns: [],
    only: [...runtimeNames],
    name: null,
    times: false,
    verbose: false,
    timeout: 900,
  };
  for (const arg of args) {
    const [flag = "", value] = arg.split(/=(.*)/s);
    if (!arg.startsWith("--")) options.patterns.push(arg);
    else if (arg === "--verbose") options.verbose = true;
    else if (arg === "--times") options.times = true;
    else if (flag === "--name" && value) options.name = value;
    else if (flag === "--timeout" && Number(value) > 0) options.timeout = Number(value);
    else if (flag === "--only" && value) options.only = value.split(",").map(runtimeName);
    else {
      throw new ScriptError(
        `unknown option ${arg}; there are --only=RUNTIMES, --name=TEXT, --times, --timeout=SECONDS, --verbose`,
      );
    }
  }
  return options;
}

function runtimeName(text: string): RuntimeName {
  const name = runtimeNames.find((name) => name === text);
  if (name === undefined) {
    throw new ScriptError(`no runtime "${text}"; there are ${runtimeNames.join(", ")}`);
  }
  return name;
}

/** Some of the test files on one runtime, in a process of their own. */
interface Part {
  name: RuntimeName;
  files: string[];
}

async function testAll(options: Options): Promise<TestRun[]> {
  const files = await findTests(options.patterns);
  if (files.length === 0) throw new ScriptError("there is no test file below tests/");
  await Deno.mkdir(inRoot(".cache"), { recursive: true });
  // Fetch first, so that a missing network shows before minutes of tests.
  for (const name of options.only) await findRuntime(name);
  await installDevPackages();
  if (files.some((file) => file.endsWith("/pages.test.ts"))) await linkRivals();
  console.log(
    bold(`${count(files.length, "test file")} on ${count(options.only.length, "runtime")}`),
  );
  const waiting = partsOf(files, options);
  const runs = new Map<RuntimeName, Runs>();
  for (const name of options.only) {
    const parts = waiting.filter((part) => part.name === name).length;
    runs.set(name, new Runs(await findRuntime(name), parts));
  }
  const stage = options.only.some(needsStage) ? layStage() : null;
  let stageIsOver = false;
  const laid = stage?.catch(() => {}).finally(() => stageIsOver = true);
  const lane = async (): Promise<void> => {
    while (waiting.length > 0) {
      // While the package is made, there are the runtimes that need none.
      const index = waiting.findIndex(({ name }) => stageIsOver || !needsStage(name));
      if (index < 0) {
        await laid;
        continue;
      }
      const [{ name, files }] = waiting.splice(index, 1) as [Part];
      const all = runs.get(name)!;
      try {
        const partial = { ...options, files, stage: needsStage(name) ? await stage : null };
        all.add(await runTests(all.runtime, { ...partial, onProgress: () => all.progress() }));
      } catch (error) {
        // The library can't be packed, say: what the other runtimes have to tell is worth knowing all the same.
        if (!(error instanceof ScriptError)) throw error;
        all.add({ ...nothing, runtime: all.runtime, trouble: error.message });
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  } finally {
    await stage?.then(remove, () => {});
  }
  return options.only.map((name) => runs.get(name)!.whole);
}

function needsStage(name: RuntimeName): boolean {
  return name.startsWith("node");
}

/**
 * What starts last must not take longest, and the folders with the slowest tests are the last of the alphabet. Under a
 * name filter a part may have no test at all, which some runners take for a mistake: then there is one for each runtime.
 */
function partsOf(files: string[], { only, name, times }: Options): Part[] {
  const size = times ? 1 : name === null ? FILES_OF_PART : files.length;
  const parts: Part[] = [];
  for (let end = files.length; end > 0; end -= size) {
    const some = files.slice(Math.max(0, end - size), end);
    parts.push(...only.map((name) => ({ name, files: some })));
  }
  return parts;
}

const nothing = { cases: [], seconds: 0, costs: [] };

/** All the parts of one runtime. */
class Runs {
  readonly runtime: Runtime;
  readonly #progress: Progress;
  readonly #runs: TestRun[] = [];
  #left: number;
  #passed = 0;

  constructor(runtime: Runtime, parts: number) {
    this.runtime = runtime;
    this.#left = parts;
    this.#progress = new Progress(runtime.title);
  }

  progress(): void {
    this.#progress.update(++this.#passed);
  }

  add(run: TestRun): void {
    this.#runs.push(run);
    if (--this.#left > 0) return;
    this.#progress.done();
    console.log(summary(this.whole));
  }

  /** The seconds are those of all parts together, some of which ran at the same time. */
  get whole(): TestRun {
    const troubles = new Set(this.#runs.flatMap(({ trouble }) => trouble ?? []));
    return {
      runtime: this.runtime,
      cases: this.#runs.flatMap(({ cases }) => cases),
      trouble: troubles.size === 0 ? null : [...troubles].join("\n"),
      seconds: this.#runs.reduce((sum, { seconds }) => sum + seconds, 0),
      costs: this.#runs.flatMap(({ costs }) => costs),
    };
  }
}

/** Shows how far the tests are: on a terminal all the time, in a log every ten seconds. */
class Progress {
  readonly #title: string;
  readonly #terminal = Deno.stdout.isTerminal();
  #shown = performance.now();

  constructor(title: string) {
    this.#title = title;
  }

  update(passed: number): void {
    const now = performance.now();
    if (now - this.#shown < (this.#terminal ? 100 : 10_000)) return;
    this.#shown = now;
    const text = grey(`${this.#title.padEnd(14)} ${passed} passed so far`);
    if (this.#terminal) Deno.stdout.writeSync(new TextEncoder().encode(`\r${text}`));
    else console.log(text);
  }

  done(): void {
    if (this.#terminal) Deno.stdout.writeSync(new TextEncoder().encode("\r\x1b[K"));
  }
}

if (import.meta.main) {
  await main(async () => {
    const options = parse(Deno.args);
    const runs = await testAll(options);
    reportFailures(runs);
    const holes = options.name === null ? reportHoles(runs) : 0;
    if (options.times) reportTimes(runs);
    const totals = runs.map(tally);
    const sum = (pick: (t: Tally) => number) => totals.reduce((total, t) => total + pick(t), 0);
    const skipped = sum((t) => t.skipped);
    const failed = sum((t) => t.failed) + holes;
    const processorTime = processorTimeOfChildren();
    if (processorTime !== null) console.log(grey(`\n${processorTime} s of processor time`));
    console.log(
      `\n${sum((t) => t.passed)} passed, ${failed} failed${
        skipped > 0 ? `, ${skipped} skipped` : ""
      }`,
    );
    return failed === 0 ? 0 : 1;
  });
}
