/**
 * Node's tests run against the package, not the sources: a stage is the unpacked package with the tests and examples
 * laid beside it as JavaScript, in the same tree. Node 20 can't load TypeScript, so both Nodes get the same files.
 */
import { blocksOf, pages, programName, silentPages } from "../tests/_support/pages.ts";
import { deno, exists, filesBelow, inRoot, must, remove } from "./_shell.ts";
import { packLibrary } from "./_pack.ts";
import { transpile } from "./_transpile.ts";

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
  await layPages(`${stage}/docs/programs`);
  return stage;
}

/** The programs of the pages as JavaScript, for Node 20. */
async function layPages(folder: string): Promise<void> {
  await Deno.mkdir(folder);
  const files: string[] = [];
  for (const page of [...await pages(), ...silentPages]) {
    for (const block of await blocksOf(page)) {
      const file = programName(block, ".ts");
      await Deno.writeTextFile(`${folder}/${file}`, block.code);
      files.push(file);
    }
  }
  const options = ["--no-check", "--source-map", "none", "--outdir", folder];
  await must(deno, ["transpile", ...options, ...files], { cwd: folder });
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (isDirectory) await copyTree(`${from}/${name}`, `${to}/${name}`);
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
