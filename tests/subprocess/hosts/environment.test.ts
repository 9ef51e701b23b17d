import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  createSubprocessExec,
  createSubprocessShell,
  FileNotFoundError,
  PIPE,
  type SubprocessOptions,
} from "../../../mod.ts";
import { runsInRealTime as runs } from "../../_support/tasks.ts";
import { text } from "../../_support/processes.ts";

// What a child has of this process is what this process has now, not what it was started with.

/** Runs a program and gives what it prints. */
async function output(program: string, options: SubprocessOptions = {}): Promise<string> {
  const child = await createSubprocessExec(program, [], { ...options, stdout: PIPE });
  return text((await child.communicate())[0]).trim();
}

/** Runs the body with variables set, or missing where they are null, and puts them back. */
async function withVariables(
  changes: Record<string, string | null>,
  body: () => Promise<void>,
): Promise<void> {
  const before = Object.keys(changes).map((name) => [name, process.env[name] ?? null] as const);
  const apply = ([name, value]: readonly [string, string | null]): void => {
    if (value === null) delete process.env[name];
    else process.env[name] = value;
  };
  Object.entries(changes).forEach(apply);
  try {
    await body();
  } finally {
    before.forEach(apply);
  }
}

/** A folder with `here/hello`, `there/hello` and `hello`, programs that print their folder's name. */
async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "environment-")));
  const before = process.cwd();
  try {
    for (const name of ["", "here", "there"]) {
      mkdirSync(join(folder, name), { recursive: true });
      const program = `#!/bin/sh\necho "from ${name || "the folder"}"\n`;
      writeFileSync(join(folder, name, "hello"), program, { mode: 0o755 });
    }
    await body(folder);
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}

runs("SUBP-19: without env a child has what the program has set by then", async () => {
  await withVariables({ SUBPROCESS_NEW: "new", HOME: "/changed" }, async () => {
    const shell = await createSubprocessShell('echo "$SUBPROCESS_NEW $HOME"', { stdout: PIPE });
    assert.equal(text((await shell.communicate())[0]), "new /changed\n");
    assert.match(await output("env"), /^SUBPROCESS_NEW=new$/m);
  });
});

runs("SUBP-19: without env a child lacks what the program has deleted", async () => {
  await withVariables({ HOME: null }, async () => {
    assert.doesNotMatch(await output("env"), /^HOME=/m);
  });
});

runs("SUBP-19: a program is looked up on the PATH as it is now", async () => {
  await inFolder(async (folder) => {
    await withVariables({ PATH: `${folder}/there:${process.env["PATH"]}` }, async () => {
      assert.equal(await output("hello"), "from there");
    });
    await withVariables({ PATH: `${folder}/there` }, async () => {
      await assert.rejects(createSubprocessExec("true"), FileNotFoundError);
    });
  });
});

runs("SUBP-19: without any PATH the system's own directories are searched", async () => {
  assert.equal(await output("true", { env: {} }), "");
  await assert.rejects(
    createSubprocessExec("no-such-program-anywhere", [], { env: {} }),
    (error) => error instanceof FileNotFoundError && /"no-such-program-any/.test(error.message),
  );
  await withVariables({ PATH: null }, async () => assert.equal(await output("true"), ""));
});

runs("SUBP-19: entries of the PATH count from the child's directory", async () => {
  await inFolder(async (folder) => {
    process.chdir(join(folder, "here"));
    const base = "/usr/bin:/bin";
    const env = { PATH: `there:${base}` };
    assert.equal(await output("hello", { cwd: folder, env }), "from there");
    assert.equal(await output("hello", { cwd: "..", env }), "from there");
    await withVariables({ PATH: `there:${process.env["PATH"]}` }, async () => {
      assert.equal(await output("hello", { cwd: folder }), "from there");
      await assert.rejects(
        createSubprocessExec("no-such-program-anywhere", [], { cwd: folder }),
        FileNotFoundError,
      );
    });
  });
});

for (const path of ["", ":/usr/bin:/bin", "/usr/bin::/bin"]) {
  runs(
    `SUBP-19: an empty entry of the PATH is the directory, ${JSON.stringify(path)}`,
    async () => {
      await inFolder(async (folder) => {
        process.chdir(join(folder, "here"));
        assert.equal(await output("hello", { env: { PATH: path } }), "from here");
        assert.equal(
          await output("hello", { env: { PATH: path }, cwd: folder }),
          "from the folder",
        );
      });
    },
  );
}

runs("SUBP-19: an empty PATH has no other directory", async () => {
  await assert.rejects(createSubprocessExec("true", [], { env: { PATH: "" } }), FileNotFoundError);
});

runs("SUBP-19: a child starts in the directory of now, and so do relative paths", async () => {
  await inFolder(async (folder) => {
    process.chdir(folder);
    assert.equal(await output("pwd"), folder);
    assert.equal(await output("here/hello"), "from here");
    assert.equal(await output("pwd", { cwd: "there" }), join(folder, "there"));
  });
});

runs("SUBP-19: a child has the umask of now", async () => {
  const before = process.umask(0o027);
  try {
    const shell = await createSubprocessShell("umask", { stdout: PIPE });
    assert.equal(Number.parseInt(text((await shell.communicate())[0]), 8), 0o027);
  } finally {
    process.umask(before);
  }
});
