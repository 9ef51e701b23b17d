/** From TypeScript to JavaScript, without a look at types. */
import { deno, exists, inRoot, must } from "./_shell.ts";

/** Writes the JavaScript of TypeScript files of the checkout into a folder, at the same relative paths. */
export async function transpile(sources: string[], folder: string): Promise<void> {
  if (sources.length === 0) return;
  const options = ["--no-check", "--source-map", "none", "--outdir", folder];
  await must(deno, ["transpile", ...options, ...sources]);
  for (const source of sources) {
    const path = `${folder}/${source.replace(/\.ts$/, ".js")}`;
    const code = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, await pointToJavaScript(code, source));
  }
}

/**
 * Relative paths to TypeScript files become paths to their JavaScript: in imports and wherever else a string names a
 * file that is there (a worker's module, a child's program).
 */
export async function pointToJavaScript(code: string, source: string): Promise<string> {
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
