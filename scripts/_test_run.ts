/** Runs test files on one runtime and tells what became of each test. */
import { exists, filesBelow, inRoot, remove, root, run, ScriptError } from "./_shell.ts";
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
  /** Measure the processor time. */
  times: boolean;
  /** Called for each test that has passed. */
  onProgress: () => void;
}

export interface TestRun {
  runtime: Runtime;
  cases: TestCase[];
  /** What is wrong with the run as a whole (it crashed, hung, or ran nothing), or null. */
  trouble: string | null;
  seconds: number;
  /** Seconds of processor time, those of child processes included, per process; empty unless they were measured. */
  costs: { files: string[]; processorTime: number }[];
}

/** Longest time one test may take, in seconds. Deno and Node 20 have no such limit of their own. */
const testTimeout = 120;
/** A test of tests/soak may take the hour that its SOAK_ROUNDS ask for. */
const soakTimeout = 2 * 3600;

/** `times` prints, after the shell's own, the processor time of its children and theirs, as in `0m1.23s 0m0.45s`. */
const timed = '"$@"; code=$?; times; exit $code';

let reports = 0;
let importers = 0;

export async function runTests(runtime: Runtime, options: TestRunOptions): Promise<TestRun> {
  const { name } = runtime;
  const report = inRoot(`.cache/report-${Deno.pid}-${name}-${++reports}.xml`);
  await remove(report);
  const limit = options.files.some(isSoak) ? soakTimeout : testTimeout;
  const { args, cwd, importer } = await commandLine(name, report, limit, options);
  const start = performance.now();
  const line = options.times
    ? ["sh", "-c", timed, "sh", runtime.path, ...args] as const
    : [runtime.path, ...args] as const;
  const [command, ...rest] = line;
  const result = await run(command, rest, {
    cwd,
    timeout: Math.max(options.timeout, limit),
    // The others stop a test themselves, and say more about it.
    silence: name === "deno" ? limit : limit * 2,
    echo: options.verbose,
    onLine: (line) => {
      if (/( \.\.\. ok \()|^\(pass\) |^\s*✔ /.test(line)) options.onProgress();
    },
  });
  let cases = await exists(report) ? readJunit(await Deno.readTextFile(report)) : [];
  await remove(report);
  if (importer !== null) await remove(importer);
  // What a name filter leaves out, some runners list as skipped.
  cases = cases.filter(({ name }) => options.name === null || name.includes(options.name));
  for (const test of cases) {
    test.file = sourceOf(test.file, cwd);
    // The stage is gone when the failure is read: name the file in the checkout.
    test.details = test.details.replaceAll(`${cwd}/`, "").replaceAll("file://", "");
  }
  const seconds = (performance.now() - start) / 1000;
  const costs = options.times
    ? [{ files: options.files, processorTime: processorTimeOf(result.output) }]
    : [];
  return { runtime, cases, trouble: troubleOf(result, cases, options), seconds, costs };
}

function processorTimeOf(output: string): number {
  const last = output.trimEnd().split("\n").at(-1) ?? "";
  let seconds = 0;
  for (const [, minutes, rest] of last.matchAll(/(\d+)m([\d.]+)s/g)) {
    seconds += Number(minutes) * 60 + Number(rest);
  }
  return seconds;
}

function isSoak(file: string): boolean {
  return file.endsWith(".soak.ts");
}

async function commandLine(
  name: RuntimeName,
  report: string,
  limit: number,
  { files, name: filter, stage }: TestRunOptions,
): Promise<{ args: string[]; cwd: string; importer: string | null }> {
  const here = inRoot(".");
  if (name === "deno") {
    // Not in .cache/, where deno.json lets no test be found.
    const all = await Deno.makeTempFile({ prefix: "asyncio-", suffix: ".test.ts" });
    await writeImporter(all, files.map((file) => new URL(file, root).href));
    // Types are checked once, by `deno task check`.
    const config = `--config=${inRoot("deno.json")}`;
    const args = ["test", "--allow-all", "--no-check", config, `--junit-path=${report}`];
    if (filter !== null) args.push("--filter", filter);
    return { args: [...args, all], cwd: here, importer: all };
  }
  if (name === "bun") {
    const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
    const args = ["test", `--timeout=${limit * 1000}`, ...reporter];
    if (filter !== null) args.push("--test-name-pattern", escape(filter));
    return { args: [...args, ...files.map((file) => `./${file}`)], cwd: here, importer: null };
  }
  if (stage === null) throw new ScriptError("Node's tests need a stage");
  const all = `${stage}/all-${++importers}.mjs`;
  await writeImporter(all, files.map((file) => `./${file.replace(/\.ts$/, ".js")}`));
  const args = [
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=junit",
    `--test-reporter-destination=${report}`,
  ];
  // Node 20 has a limit for a whole process only.
  if (name !== "node20") args.push(`--test-timeout=${limit * 1000}`);
  if (filter !== null) args.push(`--test-name-pattern=${escape(filter)}`);
  return { args: [...args, all], cwd: stage, importer: all };
}

/**
 * A module that imports test files, so that they run in one process as Bun's do. `node --test` would start a process for
 * each, and `deno test` load the library for each: 0.3 to 0.5 s of processor time a file.
 */
async function writeImporter(path: string, files: string[]): Promise<void> {
  const imports = files.map((file) => `import ${JSON.stringify(file)};\n`);
  await Deno.writeTextFile(path, imports.join(""));
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
