/**
 * Checks that the testing loop works under the test runners that JavaScript projects use beside those of the runtimes:
 * Vitest and Jest, installed from npm into a folder of the cache, against the packed library.
 *
 *     deno task runners
 */
import { bold, count, exists, green, inRoot, main, must, red, remove, run } from "./_shell.ts";
import { digest, readManifest, renameInto } from "./_dev_packages.ts";
import { packLibrary } from "./_pack.ts";
import { findRuntime } from "./runtimes.ts";

const versions = { vitest: "5.1.1", jest: "30.5.2" };

/** What both run: each is a claim of docs/testing.md. */
const claims = `
import assert from "node:assert/strict";
import { Event, gather, Lock, sleep, createTask, getRunningLoop } from "@asyncio/asyncio";
import { DeadlockError, explore, LeakError, runTest } from "@asyncio/asyncio/testing";

export const claims = {
  async "a day passes in no time"() {
    const start = Date.now();
    await runTest(async () => {
      await sleep(86_400);
      assert.equal(getRunningLoop().time(), 86_400);
    });
    assert.ok(Date.now() - start < 5000);
  },
  async "a seed gives the order it gives everywhere"() {
    const order = [];
    await runTest(() => gather(Array.from({ length: 8 }, (_, i) => async () => {
      order.push(i);
    })), { seed: 1 });
    assert.equal(order.join(""), "60431257");
  },
  async "a deadlock names its tasks and where they were made"() {
    const main = () => runTest(async () => {
      await createTask(() => new Event().wait(), { name: "listener" });
    });
    await assert.rejects(main, (error) => error instanceof DeadlockError &&
      /task "listener" \\(made at .*claims\\.mjs/.test(error.message));
  },
  async "a leaked task fails the test"() {
    await assert.rejects(runTest(async () => {
      createTask(() => sleep(1));
    }), LeakError);
  },
  async "explore finds a race and prints its replay"() {
    const race = async () => {
      const lock = new Lock();
      const order = [];
      await gather(["a", "b"].map((name) => () => lock.with(async () => {
        order.push(name);
        await sleep(1);
      })));
      assert.deepEqual(order, ["a", "b"]);
    };
    await assert.rejects(explore(race), /await runTest\\(race, \\{ seed: \\d+ \\}\\)/);
  },
};
`;

const files: Record<string, string> = {
  "claims.mjs": claims,
  "vitest.test.mjs": `import { test } from "vitest";
import { claims } from "./claims.mjs";
for (const [name, claim] of Object.entries(claims)) test(name, claim);
`,
  "jest.test.mjs": `import { test } from "@jest/globals";
import { claims } from "./claims.mjs";
for (const [name, claim] of Object.entries(claims)) test(name, claim);
`,
  "vitest.config.mjs": `export default { test: { include: ["vitest.test.mjs"] } };\n`,
  "jest.config.mjs":
    `export default { testMatch: ["**/jest.test.mjs"], transform: {}, moduleFileExtensions: ["mjs", "js"] };\n`,
};

const runners: { name: keyof typeof versions; args: string[]; passed: RegExp }[] = [
  { name: "vitest", args: ["node_modules/vitest/vitest.mjs", "run"], passed: /(\d+) passed/g },
  {
    name: "jest",
    args: ["--experimental-vm-modules", "node_modules/jest/bin/jest.js"],
    passed: /Tests:.*?(\d+) passed/g,
  },
];

/** The folder with both runners, made once for each pair of versions. */
async function installRunners(): Promise<string> {
  const folder = inRoot(`.cache/runners-${await digest(JSON.stringify(versions))}`);
  if (await exists(folder)) return folder;
  const draft = `${folder}.${Deno.pid}`;
  await Deno.mkdir(draft, { recursive: true });
  const manifest = { private: true, type: "module", dependencies: versions };
  await Deno.writeTextFile(`${draft}/package.json`, JSON.stringify(manifest));
  await must("npm", ["install", "--silent", "--no-audit", "--no-fund"], { cwd: draft });
  await renameInto(draft, folder);
  return folder;
}

if (import.meta.main) {
  await main(async () => {
    const folder = await installRunners();
    const { name } = await readManifest();
    const library = `${folder}/node_modules/${name}`;
    await remove(library);
    await Deno.mkdir(library.slice(0, library.lastIndexOf("/")), { recursive: true });
    await must("cp", ["-R", await packLibrary(), library]);
    for (const [path, content] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${path}`, content);
    }
    const node = await findRuntime("node24");
    let passed = 0;
    let failed = 0;
    for (const runner of runners) {
      const { code, output } = await run(node.path, runner.args, { cwd: folder });
      const found = [...output.matchAll(runner.passed)].at(-1)?.[1] ?? "0";
      passed += Number(found);
      const title = `${runner.name} ${versions[runner.name]}`.padEnd(16);
      if (code === 0) console.log(`${title} ${green(`${count(Number(found), "test")} passed`)}`);
      else {
        failed++;
        console.log(`${title} ${red("failed")}\n${output.trimEnd()}`);
      }
    }
    console.log(bold(`\n${passed} passed, ${failed} failed`));
    return failed === 0 ? 0 : 1;
  });
}
