/** The rivals' packages, pinned. They live in a git-ignored folder of their own: the library depends on none of them. */
import { deno, exists, inRoot, must, remove } from "../scripts/_shell.ts";
import { digest, renameInto } from "../scripts/_dev_packages.ts";

export const packages: Readonly<Record<string, string>> = {
  "async-mutex": "0.5.0",
  "effect": "4.1.0",
  "effection": "4.1.1",
  "execa": "10.2.1",
  "p-limit": "7.3.3",
  "p-queue": "10.0.0",
  "piscina": "5.3.2",
};

/** Fetches what is missing; gives the folder, in which `NAME.mjs` leads to each package. */
export async function installPackages(): Promise<string> {
  const manifest = JSON.stringify({ private: true, dependencies: packages });
  const folder = inRoot(`.cache/bench-${await digest(manifest)}`);
  if (await exists(folder)) return folder;
  const draft = `${folder}.${Deno.pid}`;
  await remove(draft);
  await Deno.mkdir(draft, { recursive: true });
  await Deno.writeTextFile(`${draft}/package.json`, manifest);
  await Deno.writeTextFile(`${draft}/empty.mjs`, "");
  for (const name of Object.keys(packages)) {
    const source = `export * from "${name}";\n` +
      `import * as all from "${name}";\nexport default all.default;\n`;
    await Deno.writeTextFile(`${draft}/${name}.mjs`, source);
  }
  const args = ["install", "--quiet", "--node-modules-dir=auto"];
  await must(deno, args, { cwd: draft, timeout: 300 });
  await renameInto(draft, folder);
  return folder;
}
