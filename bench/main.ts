/**
 * Benchmarks side by side: ours on the runtimes at hand against CPython's asyncio, in alternating rounds; prints medians and
 * ratios (above 1: ours is faster).
 *
 *     deno task bench [--rounds=3] [row ...]
 */

interface Contender {
  name: string;
  command: string[];
}

const here = new URL(".", import.meta.url).pathname;
const rounds = Number(Deno.args.find((arg) => arg.startsWith("--rounds="))?.slice(9) ?? 3);
const wanted = Deno.args.filter((arg) => !arg.startsWith("--"));

const contenders: Contender[] = [
  { name: "ours on Deno", command: [Deno.execPath(), "run", "-A", "--no-check", `${here}core.ts`] },
  { name: "ours on Bun", command: ["bun", `${here}core.ts`] },
  { name: "ours on Node", command: ["node24", `${here}core.ts`] },
  { name: "CPython", command: [Deno.env.get("PYTHON") ?? "python3.13", `${here}peers/core.py`] },
];

/** Nanoseconds by row; null when the program can't be started here. */
async function round(
  { command: [program, ...args] }: Contender,
): Promise<Map<string, number> | null> {
  try {
    const child = new Deno.Command(program!, { args: [...args, ...wanted], stderr: "inherit" });
    const { stdout, success } = await child.output();
    if (!success) return null;
    const lines = new TextDecoder().decode(stdout).trim().split("\n").filter((line) => line !== "");
    return new Map(lines.map((line) => JSON.parse(line)).map(({ row, ns }) => [row, ns]));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1]!;
}

const results = new Map<string, Map<string, number[]>>();
const absent = new Set<string>();
for (let i = 0; i < rounds; i++) {
  for (const contender of contenders) {
    if (absent.has(contender.name)) continue;
    console.error(`round ${i + 1} of ${rounds}: ${contender.name}`);
    const figures = await round(contender);
    if (figures === null) {
      console.error(`  ${contender.command[0]} is not at hand: skipped`);
      absent.add(contender.name);
      continue;
    }
    for (const [row, ns] of figures) {
      const byName = results.get(row) ?? new Map<string, number[]>();
      results.set(row, byName);
      byName.set(contender.name, [...byName.get(contender.name) ?? [], ns]);
    }
  }
}

const names = contenders.map(({ name }) => name).filter((name) => !absent.has(name));
console.log(
  `ns per operation, median of ${rounds} rounds; in brackets how many times CPython's speed`,
);
console.log(["".padEnd(34), ...names.map((name) => name.padStart(20))].join(""));
const logarithms = new Map<string, number[]>();
for (const [row, byName] of results) {
  const peer = byName.has("CPython") ? median(byName.get("CPython")!) : null;
  const cells = names.map((name) => {
    const ns = median(byName.get(name) ?? [NaN]);
    if (peer === null || name === "CPython") return String(ns).padStart(20);
    logarithms.set(name, [...logarithms.get(name) ?? [], Math.log(peer / ns)]);
    return `${ns} (${(peer / ns).toFixed(1)})`.padStart(20);
  });
  console.log([row.padEnd(34), ...cells].join(""));
}
for (const [name, logs] of logarithms) {
  const mean = Math.exp(logs.reduce((sum, log) => sum + log, 0) / logs.length);
  console.log(`geometric mean, ${name}: ${mean.toFixed(2)} times CPython`);
}
