/** That each program of the guide, of why.md and of the cookbook prints what the page says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf, outputsOf, pages, runsHere, silentPages } from "../_support/pages.ts";

/** Values are printed with double quotes by Deno and Bun and with single ones by Node; Bun breaks arrays over lines. */
function normal(text: string): string {
  return text.replace(/[\s,]+/g, " ").replaceAll("'", '"').trim();
}

for (const page of await pages()) {
  test(`DOCS: every program of ${page} says what it prints`, async () => {
    const blocks = await blocksOf(page);
    assert.deepEqual(blocks.filter(({ prints }) => prints === null).map(({ title }) => title), []);
  });
  test(`DOCS: every program of ${page} prints what it says`, async () => {
    const blocks = (await blocksOf(page)).filter(runsHere);
    const outputs = await outputsOf(blocks);
    for (const [index, { prints, title }] of blocks.entries()) {
      assert.equal(normal(outputs[index]!), normal(prints ?? ""), title);
    }
  });
}

for (const page of silentPages) {
  test(`DOCS: every program of ${page.replace("../", "")} runs to its end`, async () => {
    const blocks = await blocksOf(page);
    assert.ok(blocks.length > 5);
    await outputsOf(blocks);
  });
}

test("DOCS: every program of why.md has at most 20 lines", async () => {
  const long = (await blocksOf("why.md")).filter(({ code }) =>
    code.split("\n").filter((line) => line.trim() !== "").length > 20
  );
  assert.deepEqual(long.map(({ title }) => title), []);
});
