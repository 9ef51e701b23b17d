/**
 * Node's tests run against the package, not the sources: a stage is the unpacked package with the tests and examples
 * laid beside it as JavaScript, in the same tree. Node 20 can't load TypeScript, so both Nodes get the same files.
 */
import { deno, exists, filesBelow, inRoot, must, remove } from "./_shell.ts";
import { packLibrary } from "./_pack.ts";

const staged = ["tests", "examples", "docs"];
const stagedFiles = ["README.md", "CHANGELOG.md", "deno.json"];

/** Lays a stage out and returns its folder, which the caller removes. */
export async function layStage(): Promise<string> {
  const stage = inRoot(`.cache/stage-${Deno.pid}`);
  await remove(stage);
  await copyTree(await packLibrary(), stage);
  for (const path of stagedFiles) {
    if (await exists(inRoot(path))) await Deno.copyFile(inRoot(path), `${stage}/${path}`);
  }
  for (const folder of staged) {
    if (await exists(inRoot(folder))) await copyTree(inRoot(folder), `${stage}/${folder}`);
  }
  const sources: string[] = [];
  for (const folder of staged) sources.push(...await filesBelow(folder, ".ts"));
  await transpile(sources, stage);
  return stage;
}

/** Writes the JavaScript of TypeScript files of the checkout into a folder, at the same relative paths. */
export async function transpile(sources: string[], folder: string): Promise<void> {
  if (sources.length === 0) return;
  const options = ["--no-check", "--source-map", "none", "--outdir", folder];
  await must(deno, ["transpile", ...options, ...sources]);
  for (const source of sources) {
    const path = `${folder}/${source.replace(/\.ts$/, ".js")}`;
    const code = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, await rewrite(code, source));
  }
}

/**
 * Relative paths to TypeScript files become paths to their JavaScript: in imports and wherever else a string names a
 * file that is there (a worker's module, a child's program).
 */
async function rewrite(code: string, source: string): Promise<string> {
  const here = new URL(source, "file:///");
  let result = "";
  let end = 0;
  for (const match of code.matchAll(/(["'])(\.{1,2}\/[^"'\n]+)\.ts\1/g)) {
    const [whole, quote, path] = match;
    const target = new URL(`${path}.ts`, here).pathname.slice(1);
    if (!await exists(inRoot(decodeURIComponent(target)))) continue;
    result += code.slice(end, match.index) + `${quote}${path}.js${quote}`;
    end = match.index + whole.length;
  }
  return result + code.slice(end);
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
