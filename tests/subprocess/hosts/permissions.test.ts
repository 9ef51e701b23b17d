import assert from "node:assert/strict";
import { test } from "node:test";
import { createSubprocessExec, PIPE } from "../../../mod.ts";
import { programCommand } from "../../_support/programs.ts";
import { text } from "../../_support/processes.ts";

const program = new URL("./_start_true_program.ts", import.meta.url);
const onDeno = "Deno" in globalThis;
const onBun = "Bun" in globalThis;

/** Runs the program with the permissions that the flags give, where the runtime knows any. */
async function runWith(denoFlags: string[], nodeFlags: string[]): Promise<string[]> {
  const [command, ...args] = programCommand(program);
  const full = onDeno
    ? args.flatMap((arg) => arg === "--allow-all" ? ["--no-prompt", ...denoFlags] : [arg])
    : onBun
    ? args
    : [...nodeFlags, ...args];
  // Not by node:child_process, with which Deno passes its own permissions on.
  const child = await createSubprocessExec(command, full, { stdout: PIPE });
  const [stdout] = await child.communicate();
  return text(stdout).trim().split("\n");
}

function nodePermissions(): string[] {
  const [major, minor] = process.versions.node.split(".").map(Number) as [number, number];
  const stable = major > 23 || (major === 23 && minor >= 5);
  return [stable ? "--permission" : "--experimental-permission", "--allow-fs-read=*"];
}

test("SUBP-14: without the permission to run programs it is a PermissionError that names the flag", async () => {
  const lines = await runWith([], nodePermissions());
  const flag = onDeno
    ? /: Deno was not given the permission, run it with --allow-run=\w+$/
    : /: Node was not given the permission, run it with --allow-child-process$/;
  for (const [index, name] of ["exec", "joined", "shell"].entries()) {
    const line = lines[index]!;
    // Bun has no permissions to withhold.
    if (onBun) assert.equal(line, `${name}: ended with 0`);
    else {
      assert.ok(line.startsWith(`${name}: PermissionError: Cannot start`), line);
      assert.match(line, flag);
    }
  }
});

test("SUBP-04: on Deno --allow-run=true,sh is enough, for the shell and for joined streams too", async () => {
  const lines = await runWith(["--allow-run=true,sh"], []);
  assert.deepEqual(lines, [
    "exec: ended with 0",
    "joined: ended with 0",
    "shell: ended with 0",
  ]);
});
