/** What holds for every example. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

const folder = new URL("../../examples/", import.meta.url);

/** The programs, as TypeScript; the tour has its own measure. */
async function programs(): Promise<string[]> {
  const files = await readdir(folder);
  return files.filter((name) => /^[a-z].*\.ts$/.test(name) && name !== "tour.ts").sort();
}

test("EXAMPLE all: each is under 150 lines", async () => {
  const long: string[] = [];
  for (const name of await programs()) {
    const lines = (await readFile(new URL(name, folder), "utf8")).trimEnd().split("\n").length;
    if (lines >= 150) long.push(`${name}: ${lines}`);
  }
  assert.deepEqual(long, []);
});

test("EXAMPLE all: each has its test, and its row in the list", async () => {
  const list = await readFile(new URL("README.md", folder), "utf8");
  const tests = await readdir(new URL("./", import.meta.url));
  for (const name of await programs()) {
    assert.ok(list.includes(`(./${name})`), `${name} is not in the list`);
    const stem = name.replace(/\.ts$/, "");
    assert.ok(tests.some((test) => test.startsWith(`${stem}.test.`)), `${name} has no test`);
  }
});
