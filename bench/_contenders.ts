/** Who competes: this library and its rivals, each on the runtimes it runs on. */
import { deno, inRoot } from "../scripts/_shell.ts";
import { findRuntime, type RuntimeName } from "../scripts/runtimes.ts";
import { installPackages } from "./_packages.ts";
import { findPythons, type Python } from "./_pythons.ts";
import type { Group } from "./_rows.ts";

export type Host = "Deno" | "Bun" | "Node" | "Python";

export interface Contender {
  /** As the tables call it: "this library", "Effect", "Deno.listen". */
  name: string;
  host: Host;
  kind: "ours" | "library" | "bare" | "python";
  group: Group;
  command: string[];
  env: Record<string, string>;
}

export interface Field {
  contenders: Contender[];
  /** For people: "Deno 2.9.6". */
  runtimes: string[];
  /** One line for each rival that is not at hand. */
  absent: string[];
}

interface Entry {
  name: string;
  kind: Contender["kind"];
  program: string;
  /** @default {all three} */
  hosts?: ScriptHost[];
}

type ScriptHost = Exclude<Host, "Python">;

const everywhere: ScriptHost[] = ["Deno", "Bun", "Node"];

const entries: Record<Group, Entry[]> = {
  core: [
    { name: "this library", kind: "ours", program: "core/ours.ts" },
    { name: "bare runtime", kind: "bare", program: "core/bare.ts" },
    { name: "Effect", kind: "library", program: "core/effect.ts" },
    { name: "Effection", kind: "library", program: "core/effection.ts" },
    { name: "async-mutex", kind: "library", program: "core/async_mutex.ts" },
    { name: "p-queue", kind: "library", program: "core/p_queue.ts" },
    { name: "p-limit", kind: "library", program: "core/p_limit.ts" },
    { name: "CPython", kind: "python", program: "core/asyncio_rows.py" },
    { name: "uvloop", kind: "python", program: "core/asyncio_rows.py" },
    { name: "trio", kind: "python", program: "core/trio_rows.py" },
  ],
  net: [
    { name: "this library", kind: "ours", program: "net/ours.ts" },
    { name: "Deno.listen", kind: "bare", program: "net/deno_listen.ts", hosts: ["Deno"] },
    { name: "Bun.listen", kind: "bare", program: "net/bun_listen.ts", hosts: ["Bun"] },
    { name: "node:net", kind: "bare", program: "net/node_net.ts" },
    { name: "CPython", kind: "python", program: "net/asyncio_server.py" },
    { name: "uvloop", kind: "python", program: "net/asyncio_server.py" },
    { name: "trio", kind: "python", program: "net/trio_server.py" },
  ],
  subprocess: [
    { name: "this library", kind: "ours", program: "subprocess/ours.ts" },
    { name: "Deno.Command", kind: "bare", program: "subprocess/deno_command.ts", hosts: ["Deno"] },
    { name: "Bun.spawn", kind: "bare", program: "subprocess/bun_spawn.ts", hosts: ["Bun"] },
    { name: "node:child_process", kind: "bare", program: "subprocess/node_child_process.ts" },
    { name: "execa", kind: "library", program: "subprocess/execa.ts" },
    { name: "CPython", kind: "python", program: "subprocess/asyncio_rows.py" },
    { name: "uvloop", kind: "python", program: "subprocess/asyncio_rows.py" },
  ],
  threads: [
    { name: "this library", kind: "ours", program: "threads/ours.ts" },
    { name: "bare worker", kind: "bare", program: "threads/bare.ts" },
    { name: "piscina", kind: "library", program: "threads/piscina.ts" },
    { name: "CPython", kind: "python", program: "threads/asyncio_rows.py" },
  ],
};

/** All rivals there can be, for the options. */
export const rivalNames: readonly string[] = [
  ...new Set(
    Object.values(entries).flat().filter(({ kind }) => kind !== "ours").map(({ name }) => name),
  ),
];

/** Everyone who is at hand for the groups. */
export async function findField(groups: readonly Group[], hosts: readonly Host[]): Promise<Field> {
  const packages = await installPackages();
  const env = { BENCH_PACKAGES: packages };
  const pythons = await findPythons();
  const absent: string[] = [];
  const runtimes: string[] = [];
  const commands = new Map<Host, string[]>();
  for (const host of everywhere) {
    if (!hosts.includes(host)) continue;
    const { title, path } = await findRuntime(runtimeNames[host]);
    runtimes.push(title);
    commands.set(host, host === "Deno" ? [deno, ...denoFlags] : [path]);
  }
  const chosen = new Map<string, Python | null>();
  for (const name of ["CPython", "uvloop", "trio"]) {
    const python = choose(name, pythons);
    chosen.set(name, python);
    if (python === null) absent.push(`${name}: no Python ${needs[name]} is at hand, skipped`);
    else runtimes.push(describe(name, python));
  }
  const contenders: Contender[] = [];
  for (const group of groups) {
    for (const { name, kind, program, hosts = everywhere } of entries[group]) {
      const file = inRoot(`bench/${program}`);
      if (kind === "python") {
        const python = chosen.get(name);
        if (!python) continue;
        const command = [python.path, file, ...name === "uvloop" ? ["--uvloop"] : []];
        contenders.push({ name, host: "Python", kind, group, command, env: {} });
        continue;
      }
      for (const host of hosts) {
        const runtime = commands.get(host);
        if (runtime === undefined) continue;
        contenders.push({ name, host, kind, group, command: [...runtime, file], env });
      }
    }
  }
  if (groups.includes("core")) contenders.push(...importers(commands, chosen, packages));
  return { contenders, runtimes, absent };
}

/** The import row: each runtime loads an empty program and one that imports. */
function importers(
  commands: ReadonlyMap<Host, string[]>,
  pythons: ReadonlyMap<string, Python | null>,
  packages: string,
): Contender[] {
  const importer = (
    who: Pick<Contender, "name" | "host" | "kind">,
    empty: string[],
    full: string[],
  ): Contender => ({
    ...who,
    group: "core",
    command: [deno, ...denoFlags, inRoot("bench/core/import_time.ts")],
    env: { BENCH_IMPORT: JSON.stringify({ empty, full }) },
  });
  const found: Contender[] = [];
  for (const [host, command] of commands) {
    const start = (file: string) => [...command, file];
    const empty = start(`${packages}/empty.mjs`);
    found.push(
      importer({ name: "this library", host, kind: "ours" }, empty, start(inRoot("mod.ts"))),
    );
    for (const [name, file] of [["Effect", "effect"], ["Effection", "effection"]] as const) {
      const full = start(`${packages}/${file}.mjs`);
      found.push(importer({ name, host, kind: "library" }, empty, full));
    }
  }
  for (const [name, module] of [["CPython", "asyncio"], ["trio", "trio"]] as const) {
    const python = pythons.get(name)?.path;
    if (python === undefined) continue;
    const who = { name, host: "Python", kind: "python" } as const;
    found.push(importer(who, [python, "-c", "pass"], [python, "-c", `import ${module}`]));
  }
  return found;
}

const runtimeNames: Record<ScriptHost, RuntimeName> = {
  Deno: "deno",
  Bun: "bun",
  Node: "node24",
};
// The rivals' packages are found as Node finds them.
const denoFlags = "run -A --quiet --no-check --no-lock --node-modules-dir=manual".split(" ");

const needs: Record<string, string> = { CPython: "3.13", uvloop: "with uvloop", trio: "with trio" };

function choose(name: string, pythons: Python[]): Python | null {
  if (name === "CPython") {
    return pythons.find(({ version }) => version.startsWith("3.13.")) ?? null;
  }
  return pythons.find(({ packages }) => packages[name] !== undefined) ?? null;
}

function describe(name: string, { version, packages }: Python): string {
  return name === "CPython"
    ? `CPython ${version}`
    : `${name} ${packages[name]} (CPython ${version})`;
}
