/**
 * Checks the house's order: a room imports only from the rooms that scripts/_rooms.ts allows it, and of those only the files
 * that they open to others; what is public a mod.ts exports; no two modules import each other; no file is too long, no folder
 * too full; mod.ts loads no more modules at once than it must; nothing is exported that no other file imports; which runtime this is, only runtime/base/platform.ts asks;
 * comments speak plainly.
 *
 * Type imports and `import()` count, too. The exceptions are named below.
 */
import { count, exists, filesBelow, inRoot, main } from "./_shell.ts";
import { libraryFolders, librarySources } from "./_pack.ts";
import { unusedExports } from "./_exports.ts";
import { type Import, readImports } from "./_imports.ts";
import { roomOf, rooms } from "./_rooms.ts";
import { bannedWords } from "./_words.ts";

/**
 * The one circle, of types: the loop's interface makes futures, tasks, handles and servers, and each of them names its loop.
 * What closes it are the interface's arrows to these files.
 */
const circle = {
  from: "loop_interface.ts",
  to: [
    "runtime/contract/servers.ts",
    "runtime/tasks/future.ts",
    "runtime/tasks/handles.ts",
    "runtime/tasks/task.ts",
    "runtime/tasks/task_options.ts",
  ],
};

/** Holds types alone, so that it costs nothing at load. */
const typesAlone = "runtime/contract";

/** What only holds `import()`s for the first use, so that it may be called from below what it loads. */
const lazyFiles = ["net/lazy.ts"];

/** Built-ins that may be imported at load time; the others are loaded when they are needed. */
const eagerBuiltins = ["node:async_hooks", "node:diagnostics_channel"];

const maxLines = 400;
const maxFilesInFolder = 25;

/** Modules that importing mod.ts loads at once: each costs every program that starts, so what can come later does. */
const maxEager = 115;
const measured = ["examples", "scripts", ...libraryFolders];

function closesCircle({ from, to, typeOnly }: Import): boolean {
  return typeOnly && from === circle.from && circle.to.includes(to);
}

function wrongArrow(edge: Import): string | null {
  const { to, typeOnly, dynamic } = edge;
  if (to.startsWith("node:")) {
    if (typeOnly || dynamic || eagerBuiltins.includes(to)) return null;
    return `loads ${to} at once; take it with process.getBuiltinModule or import() when it is needed`;
  }
  if (/^[a-z]+:/.test(to)) return `imports ${to}; the library has no dependencies`;
  if (to === "mod.ts") return "imports mod.ts of the root; import the module that has the thing";
  const here = roomOf(edge.from);
  const there = roomOf(to);
  if (there === typesAlone && !typeOnly) {
    return `imports ${to}, which holds types alone: import type`;
  }
  if (here === there || closesCircle(edge) || lazyFiles.includes(to)) return null;
  const room = rooms[here];
  if (room === undefined) return `${here} is not a room of the house; add it to scripts/_rooms.ts`;
  if (!room.uses.includes(there)) {
    return `imports ${to}; ${here} may use ${room.uses.join(", ") || "no other room"}`;
  }
  const doors = rooms[there]?.doors.split(" ") ?? [];
  if (doors[0] === "*" || isModule(edge.from) || doors.includes(nameOf(to))) return null;
  const open = doors.join(", ") || "no file";
  return `imports ${to}, which is ${there}'s own; that opens ${open} to other rooms (scripts/_rooms.ts)`;
}

/** Whether a file says what is public. */
function isModule(path: string): boolean {
  return path === "mod.ts" || path.endsWith("/mod.ts");
}

/** The file's name as the list of doors has it. */
function nameOf(path: string): string {
  return path.split("/").at(-1)!.replace(/\.ts$/, "");
}

/** Doors that no other room uses. */
function unusedDoors(imports: readonly Import[]): string[] {
  const used = new Set(
    imports.filter(({ from, to }) => roomOf(from) !== roomOf(to) && !isModule(from))
      .map(({ to }) => `${roomOf(to)} ${nameOf(to)}`),
  );
  return Object.entries(rooms).flatMap(([name, { doors }]) =>
    doors.split(" ").filter((door) => door !== "" && door !== "*" && !used.has(`${name} ${door}`))
      .map((door) => `scripts/_rooms.ts: ${name} has the door ${door}, which no other room uses`)
  );
}

/** Public is what a mod.ts exports: the package has no other entry, and examples import nothing else of it. */
async function checkEntries(): Promise<string[]> {
  const problems: string[] = [];
  const { exports } = JSON.parse(await Deno.readTextFile(inRoot("deno.json")));
  for (const [name, path] of Object.entries<string>(exports)) {
    if (!path.endsWith("/mod.ts")) {
      problems.push(`deno.json exports ${path} as ${name}: only a mod.ts is public`);
    }
  }
  for (const path of await filesBelow("examples", ".ts")) {
    const source = await Deno.readTextFile(inRoot(path));
    for (const [, to] of source.matchAll(/(?:from |import\()"(\.[^"]+)"/g)) {
      const target = new URL(to!, `file:///${path}`).pathname;
      if (target.startsWith("/examples/") || isModule(target)) continue;
      problems.push(`${path} imports ${to}, which is not public: a mod.ts exports what is`);
    }
  }
  return problems;
}

/** A room may use only rooms that stand before it in the list, so that no arrow points upwards. */
function wrongRooms(): string[] {
  const order = Object.keys(rooms);
  return order.flatMap((name, index) =>
    rooms[name]!.uses.filter((used) => !order.slice(0, index).includes(used))
      .map((used) => `scripts/_rooms.ts: ${name} uses ${used}, which does not stand before it`)
  );
}

/** Folders with more files than anyone reads through. */
function fullFolders(sources: readonly string[]): string[] {
  const sizes = new Map<string, number>();
  for (const path of sources) sizes.set(roomOf(path), (sizes.get(roomOf(path)) ?? 0) + 1);
  return [...sizes].filter(([, size]) => size > maxFilesInFolder)
    .map(([name, size]) => `${name} has ${size} files; past ${maxFilesInFolder} it is two rooms`);
}

/** Every circle once, as the path that leads around. */
function findCircles(imports: Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const edge of imports) {
    if (closesCircle(edge)) continue;
    targets.set(edge.from, [...targets.get(edge.from) ?? [], edge.to]);
  }
  const circles: string[][] = [];
  const finished = new Set<string>();
  const path: string[] = [];
  const visit = (module: string): void => {
    const start = path.indexOf(module);
    if (start >= 0) {
      circles.push([...path.slice(start), module]);
      return;
    }
    if (finished.has(module)) return;
    path.push(module);
    for (const target of targets.get(module) ?? []) visit(target);
    path.pop();
    finished.add(module);
  };
  for (const module of targets.keys()) visit(module);
  return circles;
}

/** The modules that are loaded with an entry, without those that `import()` loads at the first use. */
function eagerModules(entry: string, imports: Import[]): Set<string> {
  const found = new Set([entry]);
  // A set's loop also visits what is added meanwhile.
  for (const module of found) {
    for (const { from, to, typeOnly, dynamic } of imports) {
      if (from === module && !typeOnly && !dynamic && to.endsWith(".ts")) found.add(to);
    }
  }
  return found;
}

/** Files whose code is sent to workers as source text, so that it can import nothing. */
const sentAsText = [
  "runtime/wire/wire.ts",
  "runtime/threads/worker_host.ts",
  "runtime/threads/child_host.ts",
];

/** Which runtime this is, only platform.ts asks; all others import the answer. */
function asksForRuntime(path: string, source: string): string | null {
  if (path === "runtime/base/platform.ts" || sentAsText.includes(path)) return null;
  const asked = /"(?:Deno|Bun)" in globalThis|typeof (?:Deno|Bun)\b|\bversions\.(?:bun|deno)\b/
    .exec(source);
  return asked === null
    ? null
    : `asks ${asked[0]}: import onDeno or onBun of runtime/base/platform.ts`;
}

/** A mod.ts holds nothing but re-exports. */
async function checkModule(path: string): Promise<string | null> {
  const source = await Deno.readTextFile(inRoot(path));
  const rest = source
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
    .replace(/export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]+";/g, "")
    .trim();
  return rest === "" ? null : `holds more than re-exports: ${rest.split("\n")[0]}`;
}

/** Pages that lead through the sources. */
const guides = ["docs/design.md", "CONTRIBUTING.md"];

/** Files that a page names and that are not there. */
async function missingFiles(page: string): Promise<string[]> {
  const text = await Deno.readTextFile(inRoot(page));
  const named = text.matchAll(
    /`((?:runtime|net|sync|queues|subprocess|testing|scripts|tests)\/[\w/.]+\.ts)`/g,
  );
  const missing: string[] = [];
  for (const path of new Set([...named].map(([, path]) => path!))) {
    if (!await exists(inRoot(path))) missing.push(`${page} names ${path}, which is not there`);
  }
  return missing;
}

async function checkFile(path: string): Promise<string | null> {
  const name = path.split("/").at(-1) ?? path;
  if (!/^_?[a-z][a-z0-9_]*(\.test)?\.ts$/.test(name)) return "is not named in snake_case";
  const source = await Deno.readTextFile(inRoot(path));
  const lines = source.trimEnd().split("\n").length;
  if (lines > maxLines) return `has ${lines} lines; past ${maxLines} a file is two concepts`;
  return libraryFolders.includes(path.split("/")[0]!) ? asksForRuntime(path, source) : null;
}

if (import.meta.main) {
  await main(async () => {
    const sources = await librarySources();
    const imports = await readImports(sources);
    const problems = [
      ...wrongRooms(),
      ...fullFolders(sources),
      ...await unusedExports(sources),
      ...await bannedWords(sources),
    ];
    for (const page of guides) problems.push(...await missingFiles(page));
    for (const edge of imports) {
      const problem = wrongArrow(edge);
      if (problem !== null) problems.push(`${edge.from}:${edge.line} ${problem}`);
    }
    problems.push(...unusedDoors(imports), ...await checkEntries());
    for (const circle of findCircles(imports)) problems.push(`circle: ${circle.join(" -> ")}`);
    const eager = eagerModules("mod.ts", imports).size;
    if (eager > maxEager) {
      problems.push(
        `mod.ts loads ${eager} modules at once, and may load ${maxEager}: load what only some programs use by a LazyModule`,
      );
    }
    const files = new Set(sources);
    for (const folder of measured) {
      for (const path of await filesBelow(folder, ".ts")) files.add(path);
    }
    for (const path of files) {
      const problem = await checkFile(path);
      if (problem !== null) problems.push(`${path} ${problem}`);
      if (!isModule(path)) continue;
      const excess = await checkModule(path);
      if (excess !== null) problems.push(`${path} ${excess}`);
    }
    for (const problem of problems) console.log(problem);
    const checked = `${count(imports.length, "import")} in ${count(files.size, "file")}, ` +
      `${count(eager, "module")} loaded with mod.ts`;
    console.log(`${checked}: ${count(problems.length, "problem")}`);
    return problems.length === 0 ? 0 : 1;
  });
}
