/** The library as npm's users get it: one .js and .d.ts per module, made by `deno pack`. */
import { deno, exists, filesBelow, inRoot, must, remove } from "./_shell.ts";
import { digest, readManifest, renameInto } from "./_dev_packages.ts";

/** Folders and files of the checkout that make the package. */
export const libraryFolders: readonly string[] = [
  "runtime",
  "sync",
  "queues",
  "net",
  "subprocess",
  "testing",
];
const packedFiles = ["mod.ts", "event_loop.ts", "README.md", "LICENSE", "CHANGELOG.md"];

/** Library modules, relative to the root. */
export async function librarySources(): Promise<string[]> {
  const sources = ["mod.ts", "event_loop.ts"];
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
    await dropLeftovers();
    await renameInto(draft, folder);
  } finally {
    await remove(draft);
  }
  return `${folder}/package`;
}

async function sourcesDigest(): Promise<string> {
  let content = JSON.stringify(await readManifest());
  for (const path of new Set([...packedFiles, ...await librarySources()])) {
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
