/**
 * Bun and Node find packages in a node_modules folder; this makes the one of the checkout (git-ignored). It holds the
 * development packages of deno.json (its `npm:` imports, at their pinned versions) and the library itself under its
 * own name, so that examples and tests may import it as users do. Deno needs none of it.
 */
import { deno, exists, inRoot, must, remove, ScriptError } from "./_shell.ts";

export interface Manifest {
  name: string;
  version: string;
  license: string;
  exports: Record<string, string>;
  imports?: Record<string, string>;
}

export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await Deno.readTextFile(inRoot("deno.json")));
}

/** Makes or renews `node_modules` in the root: a link into the cache, so that it can be replaced in one step. */
export async function installDevPackages(): Promise<void> {
  const manifest = await readManifest();
  const dependencies = npmImports(manifest.imports ?? {});
  const key = await digest(JSON.stringify([manifest.name, manifest.exports, dependencies]));
  const folder = `.cache/dev-${key}`;
  if (!await exists(inRoot(folder))) {
    const draft = inRoot(`${folder}.${Deno.pid}`);
    await Deno.mkdir(`${draft}/node_modules`, { recursive: true });
    await Deno.writeTextFile(
      `${draft}/package.json`,
      JSON.stringify({ private: true, dependencies }),
    );
    if (Object.keys(dependencies).length > 0) {
      const args = ["install", "--quiet", "--node-modules-dir=auto"];
      await must(deno, args, { cwd: draft, timeout: 300 });
    }
    await writeSelf(manifest, `${draft}/node_modules/${manifest.name}`);
    await renameInto(draft, inRoot(folder));
  }
  await link(`${folder}/node_modules`, inRoot("node_modules"));
}

/** The library under its own name: one file per export, which leads back to the sources. */
async function writeSelf(manifest: Manifest, folder: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const exports: Record<string, string> = {};
  // From .cache/dev-KEY/node_modules/@scope/name up to the root.
  const up = "../".repeat(3 + manifest.name.split("/").length);
  for (const [name, target] of Object.entries(manifest.exports)) {
    const file = name === "." ? "./mod.js" : `${name}.js`;
    exports[name] = file;
    const source = `export * from "${up}${target.slice(2)}";\n`;
    await Deno.writeTextFile(`${folder}/${file}`, source);
  }
  const { name, version } = manifest;
  const self = { name, version, type: "module", exports };
  await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(self));
}

function npmImports(imports: Record<string, string>): Record<string, string> {
  const dependencies: Record<string, string> = {};
  for (const target of Object.values(imports)) {
    const match = /^npm:((?:@[^/@]+\/)?[^/@]+)@([^/]+)$/.exec(target);
    if (match?.[1] !== undefined && match[2] !== undefined) dependencies[match[1]] = match[2];
    else throw new ScriptError(`deno.json: import "${target}" is not npm:NAME@VERSION`);
  }
  return dependencies;
}

/** Makes or renews a link, in one step. */
export async function link(target: string, path: string): Promise<void> {
  try {
    if (await Deno.readLink(path) === target) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new ScriptError(`${path} is not the link the scripts make; move it away`);
    }
  }
  const draft = `${path}.${Deno.pid}`;
  await Deno.symlink(target, draft);
  await Deno.rename(draft, path);
}

/** Moves a finished draft to its place; if another run was first, its folder stays. */
export async function renameInto(draft: string, folder: string): Promise<void> {
  try {
    await Deno.rename(draft, folder);
  } catch (error) {
    if (!await exists(folder)) throw error;
    await remove(draft);
  }
}

/** A short name for a content. */
export async function digest(content: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(content));
  return new Uint8Array(bytes).toHex().slice(0, 16);
}
