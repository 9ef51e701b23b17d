/**
 * Benchmarks side by side: each row ours and its rivals in turn, several rounds.
 *
 *     deno task bench                    everything; writes docs/benchmarks.md
 *     deno task bench net                one group: core, net, subprocess, threads
 *     deno task bench "free lock" echo   rows, by name or by a part of it
 *
 *     --rounds=N         rounds, 3 unless told
 *     --hosts=Deno,Bun   runtimes of ours and of the rivals in JavaScript
 *     --rivals=NAME,...  only these rivals
 *     --write            write docs/benchmarks.md, of the newest figures of all rows; --no-write: don't
 */
import { main, ScriptError } from "../scripts/_shell.ts";
import { findRuntime } from "../scripts/runtimes.ts";
import { type Contender, type Field, findField, type Host, rivalNames } from "./_contenders.ts";
import { keepFigures, type Measurement, readFigures, type Series } from "./_figures.ts";
import { type Figure, listRows, Load, measure } from "./_measure.ts";
import { writePage } from "./_page.ts";
import { printRow, summary } from "./_report.ts";
import { groups, type RowInfo, rows, rowsNamed } from "./_rows.ts";

const allHosts: readonly Host[] = ["Deno", "Bun", "Node"];

interface Options {
  rounds: number;
  hosts: Host[];
  rivals: string[] | null;
  /** Whether everyone competes: only then the figures are kept for the report. */
  whole: boolean;
  write: boolean;
  rows: readonly RowInfo[];
}

function readOptions(args: readonly string[]): Options {
  const flags = new Map<string, string>();
  const names: string[] = [];
  for (const arg of args) {
    const [, flag, value = ""] = /^--([a-z-]+)(?:=(.*))?$/.exec(arg) ?? [];
    if (flag === undefined) names.push(arg);
    else flags.set(flag, value);
  }
  const known = ["rounds", "hosts", "rivals", "write", "no-write"];
  for (const flag of flags.keys()) {
    if (known.includes(flag)) continue;
    throw new ScriptError(`no option --${flag}; there are ${known.join(", ")}`);
  }
  const list = (flag: string) => flags.get(flag)?.split(",") ?? null;
  const rounds = Number(flags.get("rounds") ?? 3);
  if (!(Number.isInteger(rounds) && rounds > 0)) {
    throw new ScriptError(`--rounds is how many rounds: got ${flags.get("rounds")}`);
  }
  const hosts = (list("hosts") ?? allHosts).map((name) => {
    const host = allHosts.find((known) => known.toLowerCase() === name.toLowerCase());
    if (host === undefined) throw new ScriptError(`no host "${name}"; there are ${allHosts}`);
    return host;
  });
  const rivals = list("rivals")?.map((name) => {
    const rival = rivalNames.find((known) => known.toLowerCase() === name.toLowerCase());
    if (rival === undefined) throw new ScriptError(`no rival "${name}"; there are ${rivalNames}`);
    return rival;
  }) ?? null;
  const chosen = names.length === 0 ? rows : names.flatMap((name) => {
    const found = rowsNamed(name);
    if (found.length > 0) return found;
    throw new ScriptError(
      `no row or group "${name}"; there are ${
        [...groups, ...rows.map((row) => row.name)].join(", ")
      }`,
    );
  });
  const whole = rivals === null && hosts.length === allHosts.length;
  if (flags.has("write") && !whole) {
    throw new ScriptError("--write needs everyone's figures: leave out --hosts and --rivals");
  }
  const write = flags.has("write") || (whole && names.length === 0 && !flags.has("no-write"));
  return { rounds, hosts, rivals, whole, write, rows: chosen };
}

/** Each contender with the rows it has. */
async function enroll(
  field: Field,
  rivals: string[] | null,
): Promise<Map<Contender, readonly string[]>> {
  const enrolled = new Map<Contender, readonly string[]>();
  for (const contender of field.contenders) {
    if (contender.kind !== "ours" && rivals !== null && !rivals.includes(contender.name)) continue;
    const listed = await listRows(contender);
    if ("rows" in listed) enrolled.set(contender, listed.rows);
    else field.absent.push(`${contender.name} on ${contender.host}: ${listed.failure}`);
  }
  return enrolled;
}

/** All rounds of one row. A contender that fails is left out of the rounds that follow. */
async function measureRow(
  row: RowInfo,
  contenders: readonly Contender[],
  rounds: number,
  load: Load,
): Promise<{ measurement: Measurement; failures: string[] }> {
  const series = new Map<Contender, Series>();
  const failed = new Map<Contender, string>();
  const [minute = 0] = Deno.loadavg();
  for (let round = 0; round < rounds; round++) {
    for (const contender of contenders) {
      if (failed.has(contender)) continue;
      const figure = await attempt(() => measure(contender, row, load));
      const { name, host, kind } = contender;
      if ("failure" in figure) {
        failed.set(contender, `${row.name}: ${name} on ${host} failed: ${figure.failure}`);
        continue;
      }
      const one = series.get(contender) ?? { name, host, kind, values: [] };
      one.values.push(figure.value);
      series.set(contender, one);
    }
  }
  const date = new Date().toISOString().slice(0, 10);
  const measurement = { row: row.name, date, load: minute, series: [...series.values()] };
  return { measurement, failures: [...failed.values()] };
}

/** A figure, or why there is none: one program that can't be started leaves the others theirs. */
async function attempt(take: () => Promise<Figure>): Promise<Figure> {
  try {
    return await take();
  } catch (error) {
    if (error instanceof ScriptError) return { failure: error.message };
    throw error;
  }
}

await main(async () => {
  const options = readOptions(Deno.args);
  const wanted = groups.filter((group) => options.rows.some((row) => row.group === group));
  const field = await findField(wanted, options.hosts);
  const enrolled = await enroll(field, options.rivals);
  const load = await Load.prepare((await findRuntime("node24")).path);
  console.log(field.runtimes.join(", "));
  for (const line of field.absent) console.log(line);
  const failures: string[] = [];
  const measured: Measurement[] = [];
  for (const row of options.rows) {
    const contenders = [...enrolled].filter(([{ group }, names]) =>
      group === row.group && names.includes(row.name)
    ).map(([contender]) => contender);
    const taken = await measureRow(row, contenders, options.rounds, load);
    console.log(`\n${printRow(taken.measurement)}`);
    for (const line of taken.failures) console.log(`  ${line}`);
    failures.push(...taken.failures);
    measured.push(taken.measurement);
    if (options.whole) await keepFigures(taken.measurement);
  }
  console.log(`\n${summary(measured)}`);
  if (options.write) {
    const { runtimes, absent } = field;
    const conditions = {
      runtimes,
      load: load.describe(),
      absent: [...absent, ...failures],
    };
    await writePage(await readFigures(), conditions);
    console.log("\nwrote docs/benchmarks.md");
  }
  return failures.length === 0 ? 0 : 1;
});
