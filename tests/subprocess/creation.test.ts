import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CancelledError,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  FileNotFoundError,
  OSError,
  PermissionError,
  PIPE,
  run,
  sleep,
  STDOUT,
  type SubprocessOptions,
  timeout,
  TimeoutError,
} from "../../mod.ts";
import { assertCancelled, runsInRealTime as runs } from "../_support/tasks.ts";
import {
  exists,
  openDescriptors,
  ownChildren,
  readIfThere,
  text,
  until,
} from "../_support/processes.ts";

/** A shell that writes its number into a file, then waits to be killed. */
function markedSleep(file: string): [string, string[]] {
  return ["sh", ["-c", 'echo $$ > "$0"; exec sleep 60', file]];
}

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "subprocess-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// The code for subprocesses is loaded at the first call; what these tests cancel is what comes after that.
await run(async () => await (await createSubprocessExec("true")).wait());

runs("SUBP-12: cancelled while it is created, the process is killed and reaped", async (loop) => {
  const before = ownChildren();
  const creations: (() => Promise<unknown>)[] = [
    () => createSubprocessExec("sleep", ["61"], { stdin: PIPE, stdout: PIPE }),
    () => createSubprocessShell("exec sleep 61"),
    () => createSubprocessExec("sleep", ["61"], { stdout: PIPE, stderr: STDOUT }),
    () => loop.subprocessExec(() => ({}), "sleep", ["61"]),
    () => loop.subprocessShell(() => ({}), "exec sleep 61"),
  ];
  for (const create of creations) {
    const task = createTask(create);
    await sleep(0);
    task.cancel();
    await assertCancelled(task);
    assert.deepEqual(ownChildren(), before);
  }
});

runs("SUBP-12: cancelled at every later tick of its creation, too", async () => {
  const before = ownChildren();
  for (let ticks = 1; ticks < 6; ticks++) {
    const task = createTask(async () => {
      const process = await createSubprocessExec("sleep", ["61"], { stdout: PIPE });
      process.kill();
      await process.wait();
    });
    for (let i = 0; i < ticks; i++) await sleep(0);
    task.cancel();
    await assert.rejects(async () => await task, CancelledError);
    await until(() => ownChildren().length === before.length, "the end of the child");
  }
});

runs("SUBP-12: a timeout during creation is a TimeoutError", async () => {
  const before = ownChildren();
  await assert.rejects(
    timeout(0).with(() => createSubprocessExec("sleep", ["61"])),
    TimeoutError,
  );
  assert.deepEqual(ownChildren(), before);
});

runs(
  "SUBP-12: a creation cancelled before its child could not be started is still cancelled",
  async () => {
    const task = createTask(() => createSubprocessExec("no-such-program-anywhere"));
    await sleep(0);
    task.cancel();
    await assertCancelled(task);
  },
);

for (const options of [{}, { stdin: PIPE, stdout: PIPE }, { stdout: PIPE, stderr: STDOUT }]) {
  const how = JSON.stringify(options);
  runs(`SUBP-14: a missing program is a FileNotFoundError that helps, with ${how}`, async () => {
    const before = openDescriptors();
    await assert.rejects(
      createSubprocessExec("no-such-program-anywhere", [], options as SubprocessOptions),
      (error) =>
        error instanceof FileNotFoundError && error.code === "ENOENT" &&
        error.syscall === "spawn" && /"no-such-program-anywhere".*PATH/.test(error.message),
    );
    await until(() => openDescriptors() === before, "the end of the pipes");
  });

  runs(`SUBP-14: a file that may not be executed is a PermissionError, with ${how}`, async () => {
    await assert.rejects(
      createSubprocessExec("/etc/passwd", [], options as SubprocessOptions),
      PermissionError,
    );
  });
}

runs("SUBP-14: a missing working directory says so", async () => {
  await assert.rejects(
    createSubprocessExec("true", [], { cwd: "/no/such/directory" }),
    (error) => error instanceof FileNotFoundError && /no such directory/.test(error.message),
  );
  await assert.rejects(
    createSubprocessShell("true", { cwd: "/etc/passwd" }),
    (error) => error instanceof OSError && error.code === "ENOTDIR",
  );
});

runs("SUBP-14: a script whose interpreter is missing is a FileNotFoundError", async () => {
  await inFolder(async (folder) => {
    const script = join(folder, "script");
    writeFileSync(script, "#!/no/such/interpreter\n", { mode: 0o755 });
    await assert.rejects(createSubprocessExec(script), FileNotFoundError);
  });
});

for (
  const [name, value] of [
    ["text", true],
    ["universalNewlines", true],
    ["encoding", "utf-8"],
    ["errors", "strict"],
    ["bufsize", 4096],
  ] as const
) {
  runs(`SUBP-16: the option ${name} is refused`, async (loop) => {
    const options = { [name]: value } as SubprocessOptions;
    await assert.rejects(createSubprocessExec("true", [], options), RangeError);
    await assert.rejects(createSubprocessShell("true", options), RangeError);
    await assert.rejects(loop.subprocessExec(() => ({}), "true", [], options), RangeError);
    await assert.rejects(loop.subprocessShell(() => ({}), "true", options), RangeError);
  });
}

runs("SUBP-16: the wrong shell flag is refused, the right one is not", async () => {
  const shell = { shell: true } as SubprocessOptions;
  const noShell = { shell: false } as SubprocessOptions;
  await assert.rejects(createSubprocessExec("true", [], shell), RangeError);
  await assert.rejects(createSubprocessShell("true", noShell), RangeError);
  assert.equal(await (await createSubprocessExec("true", [], noShell)).wait(), 0);
  assert.equal(await (await createSubprocessShell("true", shell)).wait(), 0);
});

runs("SUBP-16: asyncio's defaults written out are fine", async () => {
  const options = { text: false, encoding: null, errors: null, bufsize: 0 } as SubprocessOptions;
  assert.equal(await (await createSubprocessExec("true", [], options)).wait(), 0);
});

runs("SUBP-16: a command that is no string is refused", async (loop) => {
  const command = ["echo", "hello"] as unknown as string;
  await assert.rejects(createSubprocessShell(command), RangeError);
  await assert.rejects(loop.subprocessShell(() => ({}), command), RangeError);
});

runs("SUBP-16: arguments outside an array show the right call", async () => {
  await assert.rejects(
    createSubprocessExec("ls", "-l" as unknown as string[]),
    (error) => error instanceof TypeError && error.message.includes('("ls", ["-l"])'),
  );
  await assert.rejects(createSubprocessExec("ls", [1 as unknown as string]), TypeError);
});

runs("SUBP-16: null characters, bad names and bad numbers are refused", async () => {
  await assert.rejects(createSubprocessExec("tr\0ue"), RangeError);
  await assert.rejects(createSubprocessExec("true", ["a\0b"]), RangeError);
  await assert.rejects(createSubprocessShell("true\0"), RangeError);
  await assert.rejects(createSubprocessExec("true", [], { env: { "A=B": "c" } }), RangeError);
  await assert.rejects(createSubprocessExec("true", [], { uid: -1 }), RangeError);
  await assert.rejects(createSubprocessExec("true", [], { gid: 0.5 }), RangeError);
  const wrong = { stdout: STDOUT } as unknown as SubprocessOptions;
  await assert.rejects(createSubprocessExec("true", [], wrong), /only be used for stderr/);
});

runs("SUBP-18: the program and the directory may be file URLs", async () => {
  await inFolder(async (folder) => {
    const script = join(folder, "my program");
    writeFileSync(script, "#!/bin/sh\npwd\n", { mode: 0o755 });
    const process = await createSubprocessExec(pathToFileURL(script), [], {
      cwd: pathToFileURL(folder),
      stdout: PIPE,
    });
    assert.equal(text((await process.communicate())[0]).trim(), folder);
  });
  await assert.rejects(createSubprocessExec(new URL("https://example.com/ls")), RangeError);
});

runs("SUBP-04: user and group are those of the options", async () => {
  // Only root may become somebody else; everybody may stay who they are.
  const uid = process.getuid!() === 0 ? 65534 : process.getuid!();
  const gid = process.getgid!() === 0 ? 65534 : process.getgid!();
  const child = await createSubprocessShell("id -u; id -g", { uid, gid, stdout: PIPE, cwd: "/" });
  assert.equal(text((await child.communicate())[0]), `${uid}\n${gid}\n`);
});

/** The first name of a file of accounts that has this number. */
function nameIn(file: string, number: number): string | undefined {
  return readFileSync(file, "utf8").split("\n").map((line) => line.split(":"))
    .find((fields) => fields[2] === String(number))?.[0];
}

runs("SUBP-04: user and group may be names, and numbers under the same options", async () => {
  const uid = process.getuid!() === 0 ? 65534 : process.getuid!();
  const gid = process.getgid!() === 0 ? 65534 : process.getgid!();
  const user = nameIn("/etc/passwd", uid);
  const group = nameIn("/etc/group", gid);
  for (const options of [{ user: user ?? uid, group: group ?? gid }, { user: uid, group: gid }]) {
    const child = await createSubprocessShell("id -u; id -g", {
      ...options,
      stdout: PIPE,
      cwd: "/",
    });
    assert.equal(text((await child.communicate())[0]), `${uid}\n${gid}\n`);
  }
});

runs("SUBP-16: names that no file knows, and two users at once, are refused", async () => {
  await assert.rejects(createSubprocessExec("true", [], { user: "no:such user" }), {
    name: "RangeError",
    message:
      /^Cannot run as the user "no:such user": \/etc\/passwd has no such name. Write the number/,
  });
  await assert.rejects(createSubprocessExec("true", [], { group: "" }), RangeError);
  await assert.rejects(createSubprocessExec("true", [], { user: 0.5 }), RangeError);
  await assert.rejects(createSubprocessExec("true", [], { user: 1, uid: 1 }), {
    name: "RangeError",
    message: "Cannot take both user and uid: they mean the same. Write one of them",
  });
});

runs(
  "SUBP-12: nothing of a cancelled creation is left after its time, whenever it comes",
  async () => {
    await inFolder(async (folder) => {
      const file = join(folder, "pid");
      const [program, args] = markedSleep(file);
      const task = createTask(() => createSubprocessExec(program, args));
      await sleep(0);
      task.cancel();
      await assertCancelled(task);
      const pid = Number(readIfThere(file));
      assert.ok(pid === 0 || !exists(pid), `process ${pid} lives`);
    });
  },
);
