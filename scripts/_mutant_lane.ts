/** A copy of the checkout in which one mutant after the other is planted and tried. */
import { deno, inRoot, remove, run } from "./_shell.ts";
import type { Coverage } from "./_mutant_coverage.ts";
import { type Mutant, plant } from "./_mutations.ts";

/** What is not needed to run a test. */
const left = new Set([".git", ".cache", "dist", "bench", "node_modules"]);

/** How often a test file has found a mutant, in all lanes. */
const finds = new Map<string, number>();

export class Lane {
  readonly #folder: string;

  constructor(number: number) {
    this.#folder = inRoot(`.cache/mutants/lane-${Deno.pid}-${number}`);
  }

  async lay(): Promise<void> {
    await this.remove();
    await copy(inRoot("."), this.#folder, left);
  }

  remove(): Promise<void> {
    return remove(this.#folder);
  }

  /** Whether a test that reaches the line fails, or no longer ends, with the mutant. */
  async kills(mutant: Mutant, { reach, seconds }: Coverage): Promise<boolean> {
    const tests = [...reach.get(`${mutant.file}:${mutant.line}`) ?? []];
    const rank = (test: string) => (finds.get(test) ?? 0) / (1 + seconds.get(test)!);
    tests.sort((a, b) => rank(b) - rank(a) || seconds.get(a)! - seconds.get(b)!);
    const path = `${this.#folder}/${mutant.file}`;
    const source = await Deno.readTextFile(path);
    await Deno.writeTextFile(path, plant(source, mutant));
    try {
      for (const test of tests) {
        const timeout = 10 + 5 * seconds.get(test)!;
        const args = ["test", "--allow-all", "--no-check", "--fail-fast", "--quiet", test];
        const { code } = await run(deno, args, { cwd: this.#folder, timeout });
        if (code === 0) continue;
        finds.set(test, (finds.get(test) ?? 0) + 1);
        return true;
      }
      return false;
    } finally {
      await Deno.writeTextFile(path, source);
    }
  }
}

async function copy(from: string, to: string, left: ReadonlySet<string>): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (left.has(name)) continue;
    if (isDirectory) await copy(`${from}/${name}`, `${to}/${name}`, new Set());
    else if (isFile) await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}
