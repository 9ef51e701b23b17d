/**
 * The runtimes the library is tested on, each at a pinned version. Deno is the one that runs this script; the
 * others come from npm through Deno's own npm support, so that a machine needs no other tool. They are kept in
 * `.cache/runtimes`. Run as a script, it fetches them all and prints where they are.
 */
import {
  count,
  deno,
  exists,
  grey,
  inRoot,
  main,
  must,
  remove,
  run,
  ScriptError,
} from "./_shell.ts";

export type RuntimeName = "deno" | "bun" | "node24" | "node20";

export interface Runtime {
  name: RuntimeName;
  /** For people: "Node 24.21.0". */
  title: string;
  /** The executable. */
  path: string;
}

export const runtimeNames: readonly RuntimeName[] = ["deno", "bun", "node24", "node20"];

interface Pin {
  title: string;
  version: string;
  /** The executable's name, looked for on the PATH first. */
  command: string;
  /** Whether a version found on the PATH may stand in for the pinned one. */
  accepts: (version: string) => boolean;
  /** The npm package that holds the executable for this platform, and its path in there. */
  source: () => { name: string; executable: string };
}

const pins: Record<Exclude<RuntimeName, "deno">, Pin> = {
  bun: pin("Bun", "1.4.5", "bun", bunPackage),
  node24: pin("Node", "24.21.0", "node", nodePackage),
  // Any Node 20 will do: it is the oldest that the package promises to run on.
  node20: { ...pin("Node", "20.20.2", "node", nodePackage), accepts: (v) => v.startsWith("20.") },
};

const found = new Map<RuntimeName, Promise<Runtime>>();

/** Finds a runtime: on the PATH if it has the pinned version there, else in the cache, else fetched from npm. */
export function findRuntime(name: RuntimeName): Promise<Runtime> {
  let runtime = found.get(name);
  if (runtime === undefined) {
    runtime = locate(name);
    found.set(name, runtime);
  }
  return runtime;
}

async function locate(name: RuntimeName): Promise<Runtime> {
  if (name === "deno") return { name, title: `Deno ${Deno.version.deno}`, path: deno };
  const { title, version, command, accepts, source } = pins[name];
  const onPath = await versionOf(command);
  if (onPath !== null && accepts(onPath)) {
    return { name, title: `${title} ${onPath}`, path: command };
  }
  const { name: packageName, executable } = source();
  const folder = inRoot(`.cache/runtimes/${name}-${version}`);
  const path = `${folder}/node_modules/${packageName}/${executable}`;
  if (!await exists(path)) await fetchPackage(packageName, version, folder);
  const answer = await versionOf(path);
  if (answer !== version) {
    throw new ScriptError(
      `${path} does not answer as ${title} ${version} (it says: ${answer ?? "nothing"}); ` +
        `remove ${folder} and try again`,
    );
  }
  return { name, title: `${title} ${version}`, path };
}

async function fetchPackage(name: string, version: string, folder: string): Promise<void> {
  console.log(grey(`fetching ${name}@${version} from npm`));
  // Made in a folder of its own and renamed, so that two runs at once and a broken download do no harm.
  const draft = `${folder}.${Deno.pid}`;
  await remove(draft);
  await Deno.mkdir(draft, { recursive: true });
  const manifest = { private: true, dependencies: { [name]: version } };
  await Deno.writeTextFile(`${draft}/package.json`, JSON.stringify(manifest));
  const args = ["install", "--quiet", "--node-modules-dir=auto"];
  const installed = await run(deno, args, { cwd: draft, timeout: 300 });
  if (installed.code !== 0) {
    // A registry that needs what only npm's own client can do (a proxy's login, say).
    await must("npm", ["install", "--no-audit", "--no-fund"], { cwd: draft, timeout: 300 });
  }
  try {
    await Deno.rename(draft, folder);
  } catch (error) {
    if (!await exists(`${folder}/node_modules`)) throw error;
    await remove(draft);
  }
}

async function versionOf(command: string): Promise<string | null> {
  try {
    const { stdout } = await new Deno.Command(command, { args: ["--version"], stderr: "null" })
      .output();
    return new TextDecoder().decode(stdout).trim().replace(/^v/, "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function pin(title: string, version: string, command: string, source: Pin["source"]): Pin {
  return { title, version, command, source, accepts: (v) => v === version };
}

function bunPackage(): { name: string; executable: string } {
  const { os, arch } = Deno.build;
  const cpu = arch === "aarch64" ? "aarch64" : "x64";
  // Bun's ordinary build needs AVX2; older processors take the baseline build.
  const baseline = os === "linux" && cpu === "x64" && !hasAvx2() ? "-baseline" : "";
  return { name: `@oven/bun-${os}-${cpu}${baseline}`, executable: "bin/bun" };
}

function hasAvx2(): boolean {
  return Deno.readTextFileSync("/proc/cpuinfo").includes(" avx2 ");
}

function nodePackage(): { name: string; executable: string } {
  const { os, arch } = Deno.build;
  return { name: `node-${os}-${arch === "aarch64" ? "arm64" : "x64"}`, executable: "bin/node" };
}

if (import.meta.main) {
  await main(async () => {
    for (const name of runtimeNames) {
      const { title, path } = await findRuntime(name);
      console.log(`${title.padEnd(14)} ${path}`);
    }
    console.log(count(runtimeNames.length, "runtime"));
    return 0;
  });
}
