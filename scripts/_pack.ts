/** The library as npm's users get it: one .js and .d.ts per module, made by `deno pack`. */
import { deno, exists, filesBelow, inRoot, must, remove, root } from "./_shell.ts";
import { pointToJavaScript, transpile } from "./_transpile.ts";
import { digest, readManifest, renameInto } from "./_dev_packages.ts";

/** Folders and files of the checkout that make the package. */
export const libraryFolders: readonly string[] = [
  "runtime",
  "sync",
  "queues",
  "iteration",
  "net",
  "subprocess",
  "testing",
];
const papers = ["README.md", "LICENSE", "CHANGELOG.md"];

/** Library modules, relative to the root. */
export async function librarySources(): Promise<string[]> {
  const sources: string[] = [];
  for await (const { name } of Deno.readDir(root)) if (name.endsWith(".ts")) sources.push(name);
  sources.sort();
  for (const folder of libraryFolders) sources.push(...await filesBelow(folder, ".ts"));
  return sources;
}

/** Packs the library, or finds the pack of the same sources, and returns the unpacked package's folder. */
export async function packLibrary(): Promise<string> {
  const folder = inRoot(`.cache/pack-${await sourcesDigest()}`);
  if (await exists(folder)) {
    await Deno.utime(folder, new Date(), new Date());
    return `${folder}/package`;
  }
  const draft = `${folder}.${Deno.pid}`;
  await Deno.mkdir(draft, { recursive: true });
  try {
    const tarball = `${draft}/package.tgz`;
    await must(deno, ["pack", "--allow-dirty", "--no-source-maps", "--output", tarball]);
    await must("tar", ["-xzf", tarball], { cwd: draft });
    await finishLooseModules(`${draft}/package`);
    await dropLeftovers();
    await renameInto(draft, folder);
  } finally {
    await remove(draft);
  }
  return `${folder}/package`;
}

/**
 * A module that no import leads to (a worker's, started by its URL) is packed as it is. It becomes JavaScript here, and
 * the URLs that name it follow.
 */
async function finishLooseModules(folder: string): Promise<void> {
  const sources = await librarySources();
  const loose: string[] = [];
  for (const source of sources) if (await exists(`${folder}/${source}`)) loose.push(source);
  await transpile(loose, folder);
  for (const source of loose) await remove(`${folder}/${source}`);
  for (const source of sources) {
    const path = `${folder}/${source.replace(/\.ts$/, ".js")}`;
    if (!await exists(path)) continue;
    const code = await Deno.readTextFile(path);
    const pointed = await pointToJavaScript(code, source);
    if (pointed !== code) await Deno.writeTextFile(path, pointed);
  }
}

async function sourcesDigest(): Promise<string> {
  let content = JSON.stringify(await readManifest());
  for (const path of [...papers, ...await librarySources()]) {
    if (!await exists(inRoot(path))) continue;
    content += `\n${path}\n${await Deno.readTextFile(inRoot(path))}`;
  }
  return await digest(content);
}

/** Packs nobody has used for an hour, and stages and reports that an interrupted run left. */
async function dropLeftovers(): Promise<void> {
  const limit = Date.now() - 3_600_000;
  for await (const { name } of Deno.readDir(inRoot(".cache"))) {
    if (!/^(pack|stage|report)-/.test(name)) continue;
    const path = inRoot(`.cache/${name}`);
    const { mtime } = await Deno.stat(path);
    if (mtime !== null && mtime.getTime() < limit) await remove(path);
  }
}
