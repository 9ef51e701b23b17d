/** Finds what is exported for no other file: such a thing is dead, or needs no `export`. */
import { filesBelow, inRoot } from "./_shell.ts";

/** Folders whose files use what the library exports to itself. */
const users = ["tests", "bench", "scripts", "examples"];

const declared =
  /^export (?:abstract |async |declare )*(class|function\*?|interface|type|const|let|enum) (\w+)/gm;
const lists = /^(import|export) (?:type )?\{([^}]*)\}(?: from "(\.[^"]+)")?/gm;
/** What is taken whole: loaded at the first use, given by its URL, or imported with a star. */
const whole = /import\(\s*"(\.[^"]+)"|import \* as \w+ from "(\.[^"]+)"|new URL\("(\.[^"]+\.ts)"/g;

interface Export {
  readonly path: string;
  readonly name: string;
  readonly line: number;
  readonly isType: boolean;
}

/**
 * Every export of the library that no other file imports and that is public by no mod.ts. A type may be exported for the
 * signatures of its own file.
 */
export async function unusedExports(sources: readonly string[]): Promise<string[]> {
  const texts = new Map<string, string>();
  const paths = [...sources];
  for (const folder of users) {
    paths.push(...await filesBelow(folder, ".ts"), ...await filesBelow(folder, ".mts"));
  }
  for (const path of paths) texts.set(path, await Deno.readTextFile(inRoot(path)));
  const used = new Set<string>();
  const takenWhole = new Map<string, string[]>();
  for (const [path, text] of texts) {
    for (const [, , names = "", from] of text.matchAll(lists)) {
      if (from === undefined) continue;
      for (const name of namesIn(names)) used.add(`${resolve(path, from)} ${name}`);
    }
    for (const [, ...targets] of text.matchAll(whole)) {
      const target = resolve(path, targets.find((found) => found !== undefined)!);
      takenWhole.set(target, [...takenWhole.get(target) ?? [], text]);
    }
  }
  // A module that is loaded at the first use is called through a LazyModule, perhaps in a third file.
  const everything = [...texts.values()].join("\n");
  const isMentioned = ({ path, name }: Export): boolean =>
    takenWhole.has(path) && mentions(everything, name) > mentions(texts.get(path)!, name);
  return sources.filter((path) => !/(^|\/)mod\.ts$/.test(path))
    .flatMap((path) => exportsOf(path, texts.get(path)!))
    .filter((found) =>
      !used.has(`${found.path} ${found.name}`) && !isMentioned(found) &&
      !(found.isType && mentions(texts.get(found.path)!, found.name) > 1)
    )
    .map(({ path, name, line }) => `${path}:${line} exports ${name}, which no other file imports`);
}

function exportsOf(path: string, text: string): Export[] {
  return [...text.matchAll(declared)].map(({ index, 1: kind, 2: name }) => ({
    path,
    name: name!,
    line: text.slice(0, index).split("\n").length,
    isType: kind === "interface" || kind === "type",
  }));
}

function namesIn(list: string): string[] {
  return list.replace(/\/\/.*$/gm, "").split(",")
    .map((name) => name.trim().replace(/^type /, "").split(" as ")[0]!.trim())
    .filter((name) => name !== "");
}

function mentions(text: string, name: string): number {
  return text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0;
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}
