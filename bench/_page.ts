/** Writes docs/benchmarks.md. */
import { deno, inRoot, must } from "../scripts/_shell.ts";
import { packages } from "./_packages.ts";
import type { Measurement } from "./_figures.ts";
import { summary, tables } from "./_report.ts";

export interface Conditions {
  /** Versions of runtimes and Pythons, for people. */
  runtimes: readonly string[];
  /** How the load of the net rows is made. */
  load: string;
  absent: readonly string[];
}

export async function writePage(
  measurements: readonly Measurement[],
  { runtimes, load, absent }: Conditions,
): Promise<void> {
  const days = [...new Set(measurements.map(({ date }) => date))].sort();
  const date = days.length === 1 ? days[0]! : `${days[0]} to ${days.at(-1)}`;
  const loads = measurements.map(({ load }) => load);
  const rounds = measurements.flatMap(({ series }) => series.map(({ values }) => values.length));
  const [fewest, most] = [Math.min(...rounds), Math.max(...rounds)];
  const libraries = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  const page = `# Benchmarks

Written by \`deno task bench\`; run it to get the figures of your machine. \`deno task bench core\` measures one group
(core, net, subprocess, threads), \`deno task bench "free lock"\` one row; \`bench/main.ts\` tells the
other options.

- **Date:** ${date}
- **Machine:** ${await machine()}
- **Versions:** ${runtimes.join(", ")}; ${libraries.join(", ")}
- **Load average before each row:** ${Math.min(...loads).toFixed(1)} to ${
    Math.max(...loads).toFixed(1)
  }; the benchmark itself makes one of it
- **Method:** ${
    fewest === most ? most : `${fewest} to ${most}`
  } rounds. In each round of a row, this library and its rivals run in turn, each in a process of its
  own that warms up for a quarter of a second and gives the median of up to five samples. The tables show the median of the rounds and,
  for this library, the least and the greatest in brackets. Beside a rival's figure stands this library's advantage:
  ×2.00 means twice as good, whether less or more is better. The geometric mean takes the rows of time and rate.
- **Load of the net rows:** ${load}.
- **What is compared:** the nearest thing a rival has. In "contended lock" the holder lets the loop go round once, in
  "lock held over a promise" it awaits a promise, which is all that libraries without a loop know. "Bare" is the limit: the same work by what the runtime itself
  offers, without tasks that can be cancelled, named or waited for in groups.
${absent.map((line) => `- **Not measured:** ${line}.\n`).join("")}
## What they come to

${summary(measurements)}

The fastest library is the best of a row's rivals from npm, the bare runtime the best of what it offers itself.

${tables(measurements)}
`;
  const path = inRoot("docs/benchmarks.md");
  await Deno.writeTextFile(path, page);
  await must(deno, ["fmt", path]);
}

async function machine(): Promise<string> {
  const memory = `${Math.round(Deno.systemMemoryInfo().total / 2 ** 30)} GiB of memory`;
  const system = `${Deno.build.os} ${Deno.osRelease()}, ${Deno.build.arch}`;
  const processors = `${navigator.hardwareConcurrency} processors`;
  return `${await processor()}, ${processors}, ${memory}, ${system}`;
}

async function processor(): Promise<string> {
  if (Deno.build.os !== "linux") return "unknown processor";
  const info = await Deno.readTextFile("/proc/cpuinfo");
  return /^model name\s*: (.+)$/m.exec(info)?.[1] ?? "unknown processor";
}
