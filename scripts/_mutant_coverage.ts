/** Which test files reach which lines, by Deno's coverage. */
import { deno, filesBelow, inRoot, remove, run, ScriptError } from "./_shell.ts";

export interface Coverage {
  /** Test files by `file:line`. */
  readonly reach: Map<string, string[]>;
  /** How long each test file takes, in seconds. */
  readonly seconds: Map<string, number>;
}

const AT_ONCE = 2;

/** Runs each test file once, alone. */
export async function readCoverage(
  wanted: (test: string) => boolean,
  files: ReadonlySet<string>,
): Promise<Coverage> {
  const coverage: Coverage = { reach: new Map(), seconds: new Map() };
  const tests = (await filesBelow("tests", ".test.ts")).filter(wanted);
  const lane = async (): Promise<void> => {
    for (let test = tests.shift(); test !== undefined; test = tests.shift()) {
      await measure(test, files, coverage);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return coverage;
}

async function measure(
  test: string,
  files: ReadonlySet<string>,
  { reach, seconds }: Coverage,
): Promise<void> {
  const folder = inRoot(`.cache/mutants/coverage-${Deno.pid}-${test.replaceAll("/", "-")}`);
  await remove(folder);
  const start = performance.now();
  const args = ["test", "--allow-all", "--no-check", `--coverage=${folder}`, test];
  const { code, output } = await run(deno, args, { timeout: 300 });
  if (code !== 0) throw new ScriptError(`${test} fails without any mutant\n${output.slice(-2000)}`);
  seconds.set(test, (performance.now() - start) / 1000);
  const report = `${folder}/report.lcov`;
  const { output: told } = await run(deno, ["coverage", "--lcov", `--output=${report}`, folder]);
  let file = "";
  const text = await Deno.readTextFile(report).catch(() => {
    throw new ScriptError(`no coverage of ${test}\n${told}`);
  });
  for (const line of text.split("\n")) {
    if (line.startsWith("SF:")) file = line.slice(3).replace(`${inRoot(".")}/`, "");
    const [, number, hits] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
    if (number === undefined || hits === "0" || !files.has(file)) continue;
    const key = `${file}:${number}`;
    reach.set(key, [...reach.get(key) ?? [], test]);
  }
  await remove(folder);
}
