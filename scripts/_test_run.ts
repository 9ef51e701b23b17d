/** Runs test files on one runtime and tells what became of each test. */
import { exists, filesBelow, inRoot, remove, run, ScriptError } from "./_shell.ts";
import type { RunResult } from "./_shell.ts";
import type { Runtime, RuntimeName } from "./runtimes.ts";
import { readJunit } from "./_junit.ts";
import type { TestCase } from "./_junit.ts";

export interface TestRunOptions {
  /** Test files, relative to the root. */
  files: string[];
  /** Only tests whose name contains this. */
  name: string | null;
  /** Where Node's build of library and tests lies; needed by the Nodes only. */
  stage: string | null;
  /** Show all that the runner prints. */
  verbose: boolean;
  /** Seconds for the whole run. */
  timeout: number;
  /** Called for each test that has passed. */
  onProgress: () => void;
}

export interface TestRun {
  runtime: Runtime;
  cases: TestCase[];
  /** What is wrong with the run as a whole (it crashed, hung, or ran nothing), or null. */
  trouble: string | null;
  seconds: number;
}

/** Longest time one test (on Node: one file) may take, in seconds. Deno has no such limit of its own. */
const testTimeout = 120;

let reports = 0;

export async function runTests(runtime: Runtime, options: TestRunOptions): Promise<TestRun> {
  const { name } = runtime;
  const report = inRoot(`.cache/report-${Deno.pid}-${name}-${++reports}.xml`);
  await remove(report);
  const { args, cwd } = commandLine(name, report, options);
  const start = performance.now();
  const result = await run(runtime.path, args, {
    cwd,
    timeout: options.timeout,
    // The others stop a test themselves, and say more about it.
    silence: name === "deno" ? testTimeout : testTimeout * 2,
    echo: options.verbose,
    onLine: (line) => {
      if (/( \.\.\. ok \()|^\(pass\) |^\s*✔ /.test(line)) options.onProgress();
    },
  });
  let cases = await exists(report) ? readJunit(await Deno.readTextFile(report)) : [];
  await remove(report);
  // What a name filter leaves out, some runners list as skipped.
  cases = cases.filter(({ name }) => options.name === null || name.includes(options.name));
  for (const test of cases) {
    test.file = sourceOf(test.file, cwd);
    // Node's report of a file that broke says only that it did.
    if (test.name.endsWith(".test.js")) {
      test.details = `${test.details}\n\nthe last lines:\n${lastLines(result.output)}`;
    }
    // The stage is gone when the failure is read: name the file in the checkout.
    test.details = test.details.replaceAll(`${cwd}/`, "").replaceAll("file://", "");
  }
  const seconds = (performance.now() - start) / 1000;
  return { runtime, cases, trouble: troubleOf(result, cases, options), seconds };
}

function commandLine(
  name: RuntimeName,
  report: string,
  { files, name: filter, stage }: TestRunOptions,
): { args: string[]; cwd: string } {
  const here = inRoot(".");
  if (name === "deno") {
    // Types are checked once, by `deno task check`.
    const args = ["test", "--allow-all", "--no-check", `--junit-path=${report}`];
    if (filter !== null) args.push("--filter", filter);
    return { args: [...args, ...files], cwd: here };
  }
  if (name === "bun") {
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const args = ["test", `--timeout=${testTimeout * 1000}`, ...reporter];
    if (filter !== null) args.push("--test-name-pattern", escape(filter));
    return { args: [...args, ...files.map((file) => `./${file}`)], cwd: here };
  }
  if (stage === null) throw new ScriptError("Node's tests need a stage");
  const args = [
    "--test",
    `--test-timeout=${testTimeout * 1000}`,
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${report}`,
  ];
  if (filter !== null) args.push(`--test-name-pattern=${escape(filter)}`);
  return { args: [...args, ...files.map((file) => file.replace(/\.ts$/, ".js"))], cwd: stage };
}

function troubleOf(
  { code, output, killed }: RunResult,
  cases: TestCase[],
  { name }: TestRunOptions,
): string | null {
  const tail = lastLines(output);
  if (killed !== null) return `the tests were ${killed}; the last lines:\n${tail}`;
  const failed = cases.some((test) => test.outcome === "failed");
  if (code !== 0 && !failed) return `the runner ended with ${code}; the last lines:\n${tail}`;
  if (code === 0 && failed) return "the runner reports failures, yet ended with 0";
  if (cases.length === 0 && name === null) return `no test ran; the last lines:\n${tail}`;
  return null;
}

function lastLines(output: string): string {
  return output.trimEnd().split("\n").slice(-40).join("\n");
}

/** The source file of a test file as a runner names it. */
function sourceOf(file: string, cwd: string): string {
  const path = file.startsWith("file://") ? new URL(file).pathname : file;
  const relative = path.startsWith(cwd) ? path.slice(cwd.length).replace(/^\//, "") : path;
  return relative.replace(/\.js$/, ".ts");
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Test files whose path contains one of the patterns; all when there is none. */
export async function findTests(patterns: string[]): Promise<string[]> {
  // What takes too long for every run has a name of its own: `deno task soak --rounds=1 soak`.
  const soak = patterns.some((pattern) => pattern.includes("soak"));
  const files = await filesBelow("tests", soak ? ".soak.ts" : ".test.ts");
  if (patterns.length === 0) return files;
  const wanted = files.filter((file) => patterns.some((pattern) => file.includes(pattern)));
  if (wanted.length === 0) {
    throw new ScriptError(`no test file has ${patterns.join(" or ")} in its path`);
  }
  return wanted;
}
