/**
 * The packages that programs in docs/ import besides the library: the rivals that why.md compares with. They are those of
 * the benchmarks, at the same pins and in the same folder, and no dependency of the library.
 */
import { installPackages, packages } from "../bench/_packages.ts";
import { link } from "./_dev_packages.ts";
import { inRoot } from "./_shell.ts";

/** Makes `.cache/rivals`, where the tests of the pages look for packages. */
export async function linkRivals(): Promise<void> {
  const folder = await installPackages();
  await link(folder.slice(folder.lastIndexOf("/") + 1), inRoot(".cache/rivals"));
}

/** Writes the import map that makes Deno find them in a page, at their pins; gives its path. */
export async function writeImportMap(): Promise<string> {
  const imports: Record<string, string> = {};
  for (const [name, version] of Object.entries(packages)) {
    imports[name] = `npm:${name}@${version}`;
  }
  const path = inRoot(".cache/pages.importmap.json");
  await Deno.mkdir(inRoot(".cache"), { recursive: true });
  await Deno.writeTextFile(path, JSON.stringify({ imports }));
  return path;
}
