/** The programs in the documentation: every TypeScript block that is followed by what it prints. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runProgram } from "../_support/programs.ts";

const docs = new URL("../../docs/", import.meta.url);
const library = new URL("../../mod.ts", import.meta.url);

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
export function runsTypeScript(): boolean {
  return "Deno" in globalThis || "Bun" in globalThis ||
    Boolean((process.features as { typescript?: unknown }).typescript);
}

/** What a block prints when it runs as a program of its own. Files it makes are made in an empty folder. */
export async function outputOf({ code, title }: Block): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "asyncio-page-"));
  try {
    const path = join(folder, "page.ts");
    await writeFile(path, code.replaceAll('"@asyncio/asyncio"', JSON.stringify(library.href)));
    const result = await runProgram(pathToFileURL(path), { cwd: folder, timeout: 30 });
    if (result.code !== 0) {
      throw new Error(`${title} ended with ${result.code}\n${result.stdout}\n${result.stderr}`);
    }
    return result.stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}
