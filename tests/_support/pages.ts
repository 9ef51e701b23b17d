/** The programs in the documentation: every TypeScript block that is followed by what it prints. */
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ProgramResult, runProgram } from "./programs.ts";

const docs = new URL("../../docs/", import.meta.url);
const library: Record<string, URL> = {
  "@asyncio/asyncio": new URL("../../mod.ts", import.meta.url),
  "@asyncio/asyncio/testing": new URL("../../testing/mod.ts", import.meta.url),
};

export interface Block {
  /** "guide/queues.md, line 12". */
  title: string;
  code: string;
  /** What it says it prints; null when it does not. */
  prints: string | null;
}

/** Pages in which every block says what it prints. */
export async function pages(): Promise<string[]> {
  const guide = (await readdir(new URL("guide/", docs))).map((name) => `guide/${name}`);
  return ["README.md", "why.md", "cookbook.md", ...guide].sort();
}

/** Pages whose programs assert what they show, or leave it to the reader: they must run to their end. */
export const silentPages: readonly string[] = ["../README.md", "testing.md"];

export async function blocksOf(page: string): Promise<Block[]> {
  const text = await readFile(new URL(page, docs), "utf8");
  const found = text.matchAll(/^```ts\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```)?/gm);
  return [...found].map((match) => ({
    title: `${page}, line ${text.slice(0, match.index).split("\n").length}`,
    code: match[1]!,
    prints: match[2] ?? null,
  }));
}

/** Whether this runtime can run TypeScript, which Node 20 can't. */
function runsTypeScript(): boolean {
  return "Deno" in globalThis || "Bun" in globalThis ||
    Boolean((process.features as { typescript?: unknown }).typescript);
}

/** Whether this runtime can run a block: execa 10 has no Node 20 among its engines. */
export function runsHere({ code }: Block): boolean {
  return runsTypeScript() || !code.includes('from "execa"');
}

/** The name of the file that holds a block as a program. */
export function programName({ title }: Block, extension: ".ts" | ".js" | ""): string {
  return title.replace(/\W+/g, "_") + extension;
}

/** Printed before each program of a page, on a line of its own. */
const MARK = "── the next program ──";

/**
 * What each block prints when it runs as a program. Those of a page share a process, in which each begins when the one before
 * has nothing left to do. Files that a program makes are made in an empty folder.
 */
export async function outputsOf(blocks: readonly Block[]): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), "asyncio-page-"));
  try {
    const outputs: string[] = [];
    const shared: Block[] = [];
    for (const block of blocks) {
      if (needsOwnProcess(block)) outputs[blocks.indexOf(block)] = await outputAlone(root, block);
      else shared.push(block);
    }
    const paths = await Promise.all(shared.map((block) => lay(root, block)));
    const program = new URL("./pages_program.ts", import.meta.url);
    // Without the project's options Deno compiles the whole library anew, and once more for the program after it.
    const denoOptions = ["--config", fileURLToPath(new URL("../deno.json", docs))];
    const result = await runProgram(program, { args: [MARK, ...paths], timeout: 100, denoOptions });
    const printed = result.stdout.split(`${MARK}\n`).slice(1);
    if (result.code !== 0 || printed.length !== shared.length) {
      throw failure(shared[printed.length - 1], result);
    }
    shared.forEach((block, index) => outputs[blocks.indexOf(block)] = printed[index]!);
    return outputs;
  } finally {
    await rm(root, { recursive: true });
  }
}

function failure(block: Block | undefined, { code, stdout, stderr }: ProgramResult): Error {
  return new Error(`${block?.title} ended with ${code}\n${stdout}\n${stderr}`);
}

/** It needs the rivals' packages beside it, or prints the number of an object, which counts from its process's start. */
function needsOwnProcess({ code, prints }: Block): boolean {
  return / from "(?!node:|@asyncio\/)/.test(code) || /#\d/.test(prints ?? "");
}

/** Writes a block as a program into a folder of its own, and gives its path. */
async function lay(root: string, block: Block): Promise<string> {
  const path = join(root, programName(block, ""), runsTypeScript() ? "page.ts" : "page.mjs");
  await mkdir(dirname(path));
  const code = (await programOf(block)).replace(/"(@asyncio\/[\w/]+)"/g, (all, name) => {
    const url = library[name];
    return url === undefined ? all : JSON.stringify(url.href);
  });
  await writeFile(path, code);
  return path;
}

/** In a folder in which the rivals' packages are installed. */
async function outputAlone(root: string, block: Block): Promise<string> {
  const path = await lay(root, block);
  const folder = dirname(path);
  await lendPackages(folder);
  const config = JSON.parse(await readFile(new URL("../deno.json", docs), "utf8"));
  const { compilerOptions } = config as { compilerOptions: unknown };
  await writeFile(
    join(folder, "deno.json"),
    JSON.stringify({ compilerOptions, nodeModulesDir: "manual" }),
  );
  const result = await runProgram(pathToFileURL(path), { cwd: folder });
  if (result.code !== 0) throw failure(block, result);
  return result.stdout;
}

/** The program a runtime can read: beside the tests that run as JavaScript lie the pages' programs as JavaScript. */
async function programOf(block: Block): Promise<string> {
  if (runsTypeScript()) return block.code;
  return await readFile(new URL(`programs/${programName(block, ".js")}`, docs), "utf8");
}

/** Makes a folder one in which the rivals' packages are installed, at the pins of the benchmarks. */
async function lendPackages(folder: string): Promise<void> {
  let root = dirname(fileURLToPath(docs));
  while (!existsSync(join(root, ".cache/rivals"))) {
    if (root === dirname(root)) throw new Error("no packages: `deno task test pages` fetches them");
    root = dirname(root);
  }
  const rivals = join(root, ".cache/rivals");
  await copyFile(join(rivals, "package.json"), join(folder, "package.json"));
  await symlink(join(rivals, "node_modules"), join(folder, "node_modules"));
}
