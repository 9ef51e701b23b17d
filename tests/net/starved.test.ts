// A process that is out of descriptors lives on, and works again when there are some.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { programCommand } from "../_support/programs.ts";

interface Outcome {
  during: Record<string, string>;
  after: Record<string, string>;
  echo?: string;
}

async function outcome(way: string): Promise<Outcome> {
  const program = programCommand(new URL("./_starved_program.ts", import.meta.url), way);
  const limited = ["-c", 'ulimit -n 150 && exec "$@"', "sh", ...program];
  const output = await new Promise<string>((resolve, reject) => {
    execFile("sh", limited, { timeout: 120_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`it ended with ${error.code}: ${stderr}`));
    });
  });
  return JSON.parse(output);
}

for (const way of ["at once", "beside a server"]) {
  test(`STARVED-01: what is used for the first time without descriptors fails alone (${way})`, async () => {
    const { during, after, echo } = await outcome(way);
    for (const [name, told] of Object.entries(during)) {
      assert.match(told, /^(EMFILE|ok)$/, name);
    }
    assert.equal(during.thread, "EMFILE");
    for (const [name, told] of Object.entries(after)) assert.equal(told, "ok", name);
    if (way === "beside a server") assert.equal(echo, "hello\n");
  });
}
