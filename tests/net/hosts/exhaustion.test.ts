import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { onDeno } from "../../_support/net_hosts.ts";

test("host: a listener that finds no descriptor for a connection accepts again when there are some", async () => {
  const report = await probe();
  assert.equal(report.exhausted, "EMFILE");
  assert.equal(report.during, 0);
  assert.equal(report.alive, true);
  // Node drops the connection without a word, Bun lets it wait: only Deno tells.
  if (onDeno) {
    assert.ok(report.errors.length > 0);
    for (const error of report.errors) assert.deepEqual(error, { code: "EMFILE", retry: true });
  } else assert.deepEqual(report.errors, []);
});

function probe(): Promise<{
  exhausted: string;
  during: number;
  errors: { code: string; retry: boolean }[];
  alive: boolean;
}> {
  const script = fileURLToPath(new URL("./_exhaustion_program.ts", import.meta.url));
  const args = onDeno ? ["run", "-A", "--no-check", "--quiet", script] : [script];
  return new Promise((resolve, reject) => {
    const limited = ["-c", 'ulimit -n 100 && exec "$@"', "sh", process.execPath, ...args];
    execFile("sh", limited, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout));
      else reject(new Error(`the probe ended with ${error.code}: ${stderr}`));
    });
  });
}
