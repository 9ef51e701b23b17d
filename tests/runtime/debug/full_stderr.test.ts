// A standard error that takes nothing (a full disk, a reader that has left) costs reports, and nothing else.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./_full_stderr_program.ts", import.meta.url));
const deno = "Deno" in globalThis ? ["run", "-A", "--no-check", "--quiet"] : [];

const placesOfNoReturn: Record<string, string> = {
  "is full": 'exec "$@" 2>/dev/full',
  "is a pipe whose reader has left": 'exec 3>&1; { sleep 0.2; "$@" 2>&1 >&3; } | true',
};

for (const [place, script] of Object.entries(placesOfNoReturn)) {
  for (
    const way of [
      "the default exception handler",
      "a handler that fails",
      "a warning",
      "debug mode",
    ]
  ) {
    test(`REPORT-01: where standard error ${place}, the program survives ${way}`, async () => {
      const args = [...deno, program, way];
      const output = await new Promise<string>((resolve, reject) => {
        const command = ["-c", script, "sh", process.execPath, ...args];
        execFile("sh", command, { timeout: 60_000 }, (error, stdout) => {
          if (error === null || stdout !== "") resolve(stdout);
          else reject(error);
        });
      });
      assert.equal(output, "end\n");
    });
  }
}
