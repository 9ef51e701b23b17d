/**
 * Checks what people read: every public symbol has a doc comment that `deno doc --lint` accepts, every example in a doc
 * comment and every TypeScript block of README.md and docs/ is checked and run, every relative link leads somewhere.
 *
 *     deno task docs                 everything
 *     deno task docs README net/     only examples and blocks in files with this in their path
 */
import { count, deno, exists, filesBelow, inRoot, main, run } from "./_shell.ts";
import { readManifest } from "./_dev_packages.ts";
import { librarySources } from "./_pack.ts";
import { writeImportMap } from "./_page_packages.ts";

interface Outcome {
  title: string;
  passed: number;
  failed: number;
  details: string;
}

async function lintComments(): Promise<Outcome> {
  const modules = Object.values((await readManifest()).exports);
  const { code, output } = await run(deno, ["doc", "--lint", ...modules]);
  const found = Number(/Found (\d+) documentation lint error/.exec(output)?.[1] ?? 1);
  const failed = code === 0 ? 0 : found;
  const title = `doc comments of ${count(modules.length, "entry point")}`;
  return { title, passed: code === 0 ? modules.length : 0, failed, details: output };
}

async function runExamples(files: string[]): Promise<Outcome> {
  const title = `examples and code blocks in ${count(files.length, "file")}`;
  if (files.length === 0) return { title, passed: 0, failed: 0, details: "" };
  // The import map leads to packages that are not the library's: the lock file knows nothing of them.
  const found = [`--import-map=${await writeImportMap()}`, "--no-lock"];
  const args = ["test", "--quiet", "--allow-all", "--permit-no-files", "--doc", ...found, ...files];
  const { code, output } = await run(deno, args, { timeout: 600 });
  const totals = /\| (\d+) passed.*?\| (\d+) failed/.exec(output);
  const passed = Number(totals?.[1] ?? 0);
  const failed = code === 0 ? 0 : Math.max(1, Number(totals?.[2] ?? 0));
  const details = output.replace(/^running 0 tests from .*\n/gm, "");
  return { title, passed, failed, details };
}

async function followLinks(pages: string[]): Promise<Outcome> {
  let passed = 0;
  const broken: string[] = [];
  for (const page of pages) {
    const text = await Deno.readTextFile(inRoot(page));
    const prose = text.replace(/^(```|~~~)[\s\S]*?^\1/gm, "").replace(/`[^`\n]*`/g, "");
    for (const [, link = ""] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:|^#/.test(link)) continue;
      const target = new URL(link.replace(/#.*/, ""), `file:///${page}`).pathname.slice(1);
      if (await exists(inRoot(target))) passed++;
      else broken.push(`${page}: ${link} leads nowhere`);
    }
  }
  const title = `links in ${count(pages.length, "page")}`;
  return { title, passed, failed: broken.length, details: broken.join("\n") };
}

async function pages(): Promise<string[]> {
  const found = await filesBelow("docs", ".md");
  for (const page of ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"]) {
    if (await exists(inRoot(page))) found.push(page);
  }
  return found;
}

if (import.meta.main) {
  await main(async () => {
    const patterns = Deno.args;
    const readable = [...await pages(), ...await librarySources()];
    const chosen = readable.filter((path) =>
      patterns.length === 0 || patterns.some((pattern) => path.includes(pattern))
    );
    const outcomes = patterns.length === 0
      ? [await lintComments(), await followLinks(await pages()), await runExamples(chosen)]
      : [await runExamples(chosen)];
    for (const { title, failed, details } of outcomes) {
      if (failed > 0) console.log(`${title}\n${details.trimEnd()}\n`);
    }
    for (const { title, passed, failed } of outcomes) {
      console.log(`${title}: ${passed} passed, ${failed} failed`);
    }
    const sum = (pick: (outcome: Outcome) => number) =>
      outcomes.reduce((total, outcome) => total + pick(outcome), 0);
    const failed = sum((outcome) => outcome.failed);
    console.log(`\n${sum((outcome) => outcome.passed)} passed, ${failed} failed`);
    return failed === 0 ? 0 : 1;
  });
}
