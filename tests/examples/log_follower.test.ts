import assert from "node:assert/strict";
import { appendFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runProgram } from "../_support/programs.ts";
import { inFolder, withExample } from "../_support/examples.ts";

const program = new URL("../../examples/log_follower.ts", import.meta.url);

test("EXAMPLE log follower: shows new lines of all files, also of those that come later or are rotated", async () => {
  await inFolder(async (folder) => {
    const [web, db] = [join(folder, "web.log"), join(folder, "db.log")];
    await writeFile(web, "old\n");
    const result = await withExample(program, ["--lines=1", web, db], async (example) => {
      await example.says(/^web\.log \| old$/m);
      await appendFile(web, "request\n");
      await example.says(/^web\.log \| request$/m);
      await writeFile(db, "born late\n");
      await example.says(/^db\.log {2}\| born late$/m);
      await rename(web, `${web}.1`);
      await writeFile(web, "after rotation\n");
      await example.says(/^web\.log \| after rotation$/m);
      example.signal("SIGINT");
    });
    assert.equal(result.code, 130);
    assert.match(result.stderr, /^4 lines from 2 files$/m);
    assert.match(result.stderr, /Interrupted: everything has been cleaned up\./);
  });
});

test("EXAMPLE log follower: where there is no tail it says so", async () => {
  const { code, stderr } = await runProgram(program, {
    args: ["x.log"],
    env: { PATH: "/nowhere" },
  });
  assert.equal(code, 1);
  assert.match(stderr, /tail/);
  assert.doesNotMatch(stderr, /^\s+at /m);
});

test("EXAMPLE log follower: bad arguments are named", async () => {
  for (
    const [args, message] of [
      [[], /Which files\?/],
      [["--lines=-1", "x"], /--lines must be between 0 and 1000000, not "-1"/],
    ] as const
  ) {
    const { code, stderr } = await runProgram(program, { args: [...args] });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
