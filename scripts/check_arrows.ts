/**
 * Checks the house's order: imports point one way, no two modules import each other, no file is too long, and mod.ts loads
 * no more modules at once than it must.
 *
 *     mod.ts -> event_loop.ts -> subprocess -> net -> runtime
 *     mod.ts -> queues -> sync -> runtime
 *     testing -> event_loop.ts
 *
 * Type imports and `import()` count, too. The one exception: everybody may `import type` the loop's interface.
 */
import { count, deno, filesBelow, inRoot, main, must, root } from "./_shell.ts";
import { libraryFolders, librarySources } from "./_pack.ts";

/** Files of the root that belong to the room of event_loop.ts. */
const loopFiles = ["event_loop.ts", "loop_interface.ts"];

/** What each room may import from, itself not listed. */
const arrows: Record<string, readonly string[]> = {
  "mod.ts": ["event_loop.ts", "subprocess", "net", "queues", "sync", "runtime"],
  "event_loop.ts": ["subprocess", "net", "runtime"],
  testing: ["event_loop.ts", "subprocess", "net", "runtime"],
  subprocess: ["net", "runtime"],
  net: ["runtime"],
  queues: ["sync", "runtime"],
  sync: ["runtime"],
  runtime: [],
};

/** Built-ins that may be imported at load time; the others are loaded when they are needed. */
const eagerBuiltins = ["node:async_hooks", "node:diagnostics_channel"];

const maxLines = 400;

/** Modules that importing mod.ts loads at once: each costs every program that starts, so what can come later does. (Every task needs `_task_start.ts`.) */
const maxEager = 145;
const measured = ["examples", "scripts", ...libraryFolders];

interface Import {
  from: string;
  line: number;
  /** Path relative to the root, or a specifier such as "node:net". */
  to: string;
  typeOnly: boolean;
  dynamic: boolean;
}

interface ModuleInfo {
  specifier: string;
  dependencies?: {
    specifier: string;
    code?: Resolution;
    type?: Resolution;
    isDynamic?: boolean;
  }[];
}

interface Resolution {
  specifier?: string;
  error?: string;
  span: { start: { line: number } };
}

/** All imports of the library, as Deno's own parser sees them. */
async function readImports(sources: string[]): Promise<Import[]> {
  const imports: Import[] = [];
  const seen = new Set<string>();
  for (const source of sources) {
    if (seen.has(source)) continue;
    const graph = JSON.parse(await must(deno, ["info", "--json", inRoot(source)]));
    for (const module of graph.modules as ModuleInfo[]) {
      const from = relative(module.specifier);
      if (seen.has(from)) continue;
      seen.add(from);
      for (const { specifier, code, type, isDynamic = false } of module.dependencies ?? []) {
        const resolution = code ?? type;
        imports.push({
          from,
          line: (resolution?.span.start.line ?? 0) + 1,
          to: relative(resolution?.specifier ?? specifier),
          typeOnly: code === undefined,
          dynamic: isDynamic,
        });
      }
    }
  }
  return imports;
}

function relative(specifier: string): string {
  return specifier.startsWith(root.href) ? specifier.slice(root.href.length) : specifier;
}

/** The room a module lives in: its folder, or the file itself in the root. */
function roomOf(path: string): string {
  return loopFiles.includes(path) ? "event_loop.ts" : path.split("/")[0] ?? path;
}

/** Everybody may know the loop's interface: it is what the rooms below hand around. */
function isLoopType(edge: Import): boolean {
  return edge.typeOnly && loopFiles.includes(edge.to);
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
  if (here === there || isLoopType(edge)) return null;
  const allowed = arrows[here];
  if (allowed === undefined) return `${here} is not a room of the house; add it to the arrows`;
  if (allowed.includes(there)) return null;
  const rooms = allowed.length === 0 ? "nothing outside itself" : allowed.join(", ");
  const hint = there === "event_loop.ts" ? "; only `import type` of it is open to all" : "";
  return `imports ${to}; ${here} may use ${rooms}${hint}`;
}

/** Every circle once, as the path that leads around. */
function findCircles(imports: Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const edge of imports) {
    if (isLoopType(edge)) continue;
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

/** A mod.ts holds nothing but re-exports. */
async function checkModule(path: string): Promise<string | null> {
  const source = await Deno.readTextFile(inRoot(path));
  const rest = source
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "")
    .replace(/export\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+"[^"]+";/g, "")
    .trim();
  return rest === "" ? null : `holds more than re-exports: ${rest.split("\n")[0]}`;
}

async function checkFile(path: string): Promise<string | null> {
  const name = path.split("/").at(-1) ?? path;
  if (!/^_?[a-z][a-z0-9_]*(\.test)?\.ts$/.test(name)) return "is not named in snake_case";
  const lines = (await Deno.readTextFile(inRoot(path))).trimEnd().split("\n").length;
  return lines > maxLines ? `has ${lines} lines; past ${maxLines} a file is two concepts` : null;
}

if (import.meta.main) {
  await main(async () => {
    const sources = await librarySources();
    const imports = await readImports(sources);
    const problems: string[] = [];
    for (const edge of imports) {
      const problem = wrongArrow(edge);
      if (problem !== null) problems.push(`${edge.from}:${edge.line} ${problem}`);
    }
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
      if (path !== "mod.ts" && !path.endsWith("/mod.ts")) continue;
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
