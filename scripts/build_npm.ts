/**
 * Builds the npm package in dist/: packs the library, completes its package.json, packs again, then installs the
 * tarball in an empty folder and tries it out there on the oldest Node it promises, the newest, and Bun.
 *
 *     deno task build
 */
import {
  bold,
  count,
  deno,
  exists,
  inRoot,
  main,
  must,
  red,
  remove,
  run,
  since,
} from "./_shell.ts";
import { ScriptError } from "./_shell.ts";
import { readManifest } from "./_dev_packages.ts";
import type { Manifest } from "./_dev_packages.ts";
import { packLibrary } from "./_pack.ts";
import { transpile } from "./_transpile.ts";
import { findRuntime } from "./runtimes.ts";
import type { RuntimeName } from "./runtimes.ts";

/** What `deno pack` has no place for. */
const details = {
  description:
    "Python's asyncio for TypeScript: tasks, cancellation, timeouts, task groups, queues, " +
    "locks, streams and subprocesses, the same on Deno, Bun and Node",
  keywords: [
    "asyncio",
    "async",
    "await",
    "task",
    "cancellation",
    "timeout",
    "taskgroup",
    "structured-concurrency",
    "event-loop",
    "queue",
    "semaphore",
    "streams",
    "subprocess",
    "deno",
    "bun",
    "node",
    "typescript",
  ],
  engines: { node: ">=20", bun: ">=1.2", deno: ">=2.2" },
  repository: { type: "git", url: "git+https://github.com/OWNER/asyncio.git" },
  // event_loop.js hands its loop class to the policy when it is loaded, and mod.js is what loads it: a bundler that took
  // them for free of side effects would leave run() without a loop. Everything else may be shaken out.
  sideEffects: ["./mod.js", "./event_loop.js"],
};

const smokeRuntimes: readonly RuntimeName[] = ["node20", "node24", "bun"];

/** Makes the tarball and returns its path. */
async function build(manifest: Manifest): Promise<string> {
  const dist = inRoot("dist");
  await remove(dist);
  await Deno.mkdir(dist, { recursive: true });
  const folder = `${dist}/package`;
  await must("cp", ["-R", await packLibrary(), folder]);
  await completePackage(folder);
  await checkFiles(folder, manifest);
  const options = ["--pack-destination", dist, "--silent", "--ignore-scripts"];
  const output = await must("npm", ["pack", ...options, folder]);
  const tarball = output.split("\n").find((line) => line.endsWith(".tgz"));
  if (tarball === undefined) throw new ScriptError(`npm pack named no tarball:\n${output}`);
  return `${dist}/${tarball.trim()}`;
}

async function completePackage(folder: string): Promise<void> {
  const path = `${folder}/package.json`;
  const { name, version, ...rest } = JSON.parse(await Deno.readTextFile(path));
  const { description, ...others } = details;
  const complete = { name, version, description, ...rest, ...others };
  await Deno.writeTextFile(path, JSON.stringify(complete, null, 2) + "\n");
}

/** Every export has its JavaScript and its types; nothing else than modules and the papers is in. */
async function checkFiles(folder: string, manifest: Manifest): Promise<void> {
  for (const target of Object.values(manifest.exports)) {
    for (const suffix of [".js", ".d.ts"]) {
      const path = `${folder}/${target.replace(/\.ts$/, suffix)}`;
      if (!await exists(path)) throw new ScriptError(`the package lacks ${path}`);
    }
  }
  const files = (await must("find", [folder, "-type", "f"])).trim().split("\n");
  const papers = ["package.json", "README.md", "LICENSE", "CHANGELOG.md"];
  for (const file of files) {
    const name = file.slice(folder.length + 1);
    if (/\.(js|d\.ts)$/.test(name) || papers.includes(name)) continue;
    throw new ScriptError(`the package holds ${name}, which does not belong there`);
  }
}

/** Imports every export from the installed package and runs the tour on it. */
async function smoke(tarball: string, manifest: Manifest): Promise<number> {
  const folder = await Deno.makeTempDir({ prefix: "asyncio-npm-" });
  try {
    await Deno.writeTextFile(`${folder}/package.json`, `{ "private": true, "type": "module" }`);
    const options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
    await must("npm", ["install", ...options, tarball], { cwd: folder });
    await Deno.writeTextFile(`${folder}/imports.js`, importsProgram(manifest));
    const programs = ["imports.js"];
    if (await exists(inRoot("examples/tour.ts"))) programs.push(await layTour(folder, manifest));
    programs.push(...await bundle(folder, manifest));
    let failed = 0;
    for (const name of smokeRuntimes) {
      for (const program of programs) failed += await tryOut(name, `${folder}/${program}`);
    }
    return failed;
  } finally {
    await remove(folder);
  }
}

async function tryOut(name: RuntimeName, program: string): Promise<number> {
  const runtime = await findRuntime(name);
  const start = performance.now();
  // In the checkout, whose files the tour works on.
  const { code, output } = await run(runtime.path, [program], { timeout: 60 });
  const label = `${runtime.title.padEnd(14)} ${program.split("/").at(-1)}`;
  if (code === 0) {
    console.log(`${label} ok (${since(start)})`);
    return 0;
  }
  console.log(`${red(`${label} ended with ${code}`)}\n${output.trimEnd()}`);
  return 1;
}

/** The tour, as a user of the package would write it. */
async function layTour(folder: string, manifest: Manifest): Promise<string> {
  await transpile(["examples/tour.ts"], folder);
  const path = `${folder}/examples/tour.js`;
  const code = await Deno.readTextFile(path);
  const own = code.replace(/(["'])\.\.\/((?:\w+\/)?mod)\.js\1/g, (whole, quote, module) => {
    const found = Object.entries(manifest.exports).find(([, file]) => file === `./${module}.ts`);
    return found === undefined ? whole : quote + specifier(manifest, found[0]) + quote;
  });
  await Deno.writeTextFile(path, own);
  return "examples/tour.js";
}

function specifier(manifest: Manifest, subpath: string): string {
  return manifest.name + subpath.slice(1);
}

function importsProgram(manifest: Manifest): string {
  const modules = Object.keys(manifest.exports).map((name) => specifier(manifest, name));
  return `for (const name of ${JSON.stringify(modules)}) {
  const module = await import(name);
  if (Object.keys(module).length === 0) throw new Error(name + " exports nothing");
}
`;
}

/**
 * A bundler drops modules that it takes for free of side effects, and takes in those that are loaded at their first use.
 * Where it keeps names it calls a function of its own in each function, those that are sent to threads among them.
 */
async function bundle(folder: string, manifest: Manifest): Promise<string[]> {
  const program = `import { openConnection, run, startServer, toThread } from "${manifest.name}";
const answer = await run(async () => {
  const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
  const { port } = server.sockets[0].getsockname();
  const [reader, writer] = await openConnection("127.0.0.1", port);
  await reader.read();
  writer.close();
  server.close();
  return await toThread(() => {
    const answer = () => 42;
    return answer();
  });
});
if (answer !== 42) throw new Error("run() gave " + answer);
`;
  await Deno.writeTextFile(`${folder}/bundle_me.js`, program);
  const args = ["bundle", "--quiet", "--node-modules-dir=manual", "bundle_me.js", "--output"];
  await must(deno, [...args, "bundled.js"], { cwd: folder });
  await must(deno, [...args, "minified.js", "--minify", "--keep-names"], { cwd: folder });
  return ["bundled.js", "minified.js"];
}

if (import.meta.main) {
  await main(async () => {
    const start = performance.now();
    const manifest = await readManifest();
    const tarball = await build(manifest);
    const { size } = await Deno.stat(tarball);
    const name = tarball.slice(inRoot("dist").length + 1);
    console.log(`${bold(`dist/${name}`)}: ${(size / 1024).toFixed(1)} KiB`);
    const failed = await smoke(tarball, manifest);
    console.log(failed === 0 ? `works when installed (${since(start)})` : count(failed, "failure"));
    return failed === 0 ? 0 : 1;
  });
}
