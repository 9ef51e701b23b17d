import assert from "node:assert/strict";
import {
  BrokenPipeError,
  ConnectionResetError,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  DEVNULL,
  gather,
  getRunningLoop,
  PIPE,
  Process,
  ProcessLookupError,
  sleep,
  STDOUT,
} from "../../mod.ts";
import { assertCancelled, runsInRealTime as runs } from "../_support/tasks.ts";
import { text, until } from "../_support/processes.ts";

const piped = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const;
const MEGABYTE = new Uint8Array(1 << 20).fill(120);

runs("SUBP-01: what is written to stdin can be read from stdout", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  process.stdin!.write("some ");
  process.stdin!.write("data");
  await process.stdin!.drain();
  process.stdin!.close();
  assert.equal(text(await process.stdout!.read()), "some data");
  assert.equal(await process.wait(), 0);
  assert.equal(process.returncode, 0);
});

runs("SUBP-01: a dialogue, line by line", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  for (const line of ["one\n", "two\n", "three\n"]) {
    process.stdin!.write(line);
    assert.equal(text(await process.stdout!.readline()), line);
  }
  process.stdin!.close();
  await process.stdin!.waitClosed();
  assert.equal(await process.wait(), 0);
});

runs("SUBP-01: a megabyte goes through whole", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const [stdout] = await process.communicate(MEGABYTE);
  assert.deepEqual(stdout, MEGABYTE);
});

runs("SUBP-02: an input of the wrong type leaves communicate() to a second call", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  await assert.rejects(process.communicate(5 as unknown as string), TypeError);
  const [stdout] = await process.communicate("input");
  assert.deepEqual(stdout, new TextEncoder().encode("input"));
});

runs("SUBP-02: communicate gives both outputs and the returncode is set", async () => {
  const process = await createSubprocessShell("cat; echo oops >&2; exit 7", piped);
  assert.equal(process.returncode, null);
  const [stdout, stderr] = await process.communicate("input");
  assert.deepEqual([text(stdout), text(stderr), process.returncode], ["input", "oops\n", 7]);
});

for (const input of [undefined, null, "", new Uint8Array(0)]) {
  runs(
    `SUBP-02: communicate closes stdin at once for the input ${JSON.stringify(input)}`,
    async () => {
      const process = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
      const [stdout] = await process.communicate(input);
      assert.deepEqual([stdout!.length, process.returncode], [0, 0]);
    },
  );
}

runs(
  "SUBP-02: a megabyte each way, with stderr and stdout in alternation, never deadlocks",
  async () => {
    const script =
      `i=0; while [ $i -lt 32 ]; do head -c 32768 /dev/zero; head -c 32768 /dev/zero >&2;
    head -c 32768 >/dev/null; i=$((i+1)); done`;
    const process = await createSubprocessShell(script, piped);
    const [stdout, stderr] = await process.communicate(MEGABYTE);
    assert.deepEqual([stdout!.length, stderr!.length, process.returncode], [1 << 20, 1 << 20, 0]);
  },
);

runs("SUBP-03: streams that are not piped give null", async () => {
  const process = await createSubprocessExec("true", [], { stdin: DEVNULL, stdout: DEVNULL });
  assert.deepEqual([process.stdin, process.stdout, process.stderr], [null, null, null]);
  assert.deepEqual(await process.communicate(), [null, null]);
});

runs("SUBP-03: DEVNULL is empty as stdin", async () => {
  const process = await createSubprocessExec("wc", ["-c"], { stdin: DEVNULL, stdout: PIPE });
  const [stdout, stderr] = await process.communicate();
  assert.deepEqual([text(stdout).trim(), stderr], ["0", null]);
});

runs("SUBP-03: DEVNULL takes what is written to stdout and stderr", async () => {
  const process = await createSubprocessShell("echo out; echo err >&2; exit 5", {
    stdout: DEVNULL,
    stderr: DEVNULL,
  });
  assert.equal(await process.wait(), 5);
});

runs("SUBP-03: stderr: STDOUT joins them in the order of writing", async () => {
  const script = "for i in 1 2 3; do echo out $i; echo err $i >&2; done";
  const process = await createSubprocessShell(script, { stdout: PIPE, stderr: STDOUT });
  const [stdout, stderr] = await process.communicate();
  assert.equal(text(stdout), "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n");
  assert.equal(stderr, null);
});

runs(
  "SUBP-03: joining keeps the arguments as they are, and the pid and exit code the program's",
  async () => {
    const args = ["-c", 'echo "$1|$2" >&2; echo $$; exit 9', "name", "a  b", "$HOME"];
    const process = await createSubprocessExec("sh", args, { stdout: PIPE, stderr: STDOUT });
    const [stdout] = await process.communicate();
    assert.equal(text(stdout), `a  b|$HOME\n${process.pid}\n`);
    assert.equal(process.returncode, 9);
  },
);

runs("SUBP-04: a shell command's exit code", async () => {
  const process = await createSubprocessShell("exit 7");
  assert.equal(await process.wait(), 7);
});

runs("SUBP-04: a shell command in a session of its own", async () => {
  const process = await createSubprocessShell("ps -o sid= -p $$", {
    stdout: PIPE,
    startNewSession: true,
  });
  const [stdout] = await process.communicate();
  assert.equal(Number(text(stdout)), process.pid);
});

runs("SUBP-05: kill, terminate and sendSignal end in the signal's negative number", async () => {
  const ends: [(process: Process) => void, number][] = [
    [(process) => process.kill(), -9],
    [(process) => process.terminate(), -15],
    [(process) => process.sendSignal("SIGHUP"), -1],
    [(process) => process.sendSignal("SIGRTMIN+3"), -37],
  ];
  for (const [end, returncode] of ends) {
    const process = await createSubprocessExec("sleep", ["60"]);
    end(process);
    assert.equal(await process.wait(), returncode);
    assert.equal(process.returncode, returncode);
  }
});

runs(
  "SUBP-05: a real-time signal counts for a child that is held back, but not where it is handled",
  async () => {
    const writer = await createSubprocessExec("yes", [], { stdout: PIPE });
    await writer.stdout!.readline();
    writer.sendSignal("SIGRTMAX-1");
    await until(() => writer.returncode !== null, "the end");
    assert.equal(writer.returncode, -63);
    await writer[Symbol.asyncDispose]();
    const handler = await createSubprocessShell("trap : 40; echo ready; read line; exit 0", {
      stdin: PIPE,
      stdout: PIPE,
    });
    await handler.stdout!.readline();
    handler.sendSignal("SIGRTMIN+6");
    handler.stdin!.write("go\n");
    assert.equal(await handler.wait(), 0);
  },
);

runs("SUBP-05: an unknown signal is a RangeError and reaches nobody", async () => {
  const process = await createSubprocessExec("sleep", ["60"]);
  assert.throws(() => process.sendSignal("SIGNOTHING"), RangeError);
  assert.throws(() => process.sendSignal("TERM"), /did you mean "SIGTERM"/);
  assert.throws(() => process.sendSignal(15 as unknown as string), TypeError);
  assert.equal(process.returncode, null);
  process.kill();
  assert.equal(await process.wait(), -9);
});

runs("SUBP-06: a killed shell whose grandchild holds stdout: wait ends all the same", async () => {
  const process = await createSubprocessShell("sleep 60 & echo $!; wait", { stdout: PIPE });
  const waiting = createTask(() => process.wait());
  await sleep(0);
  const grandchild = Number(text(await process.stdout!.readline()));
  process.kill();
  assert.equal(await waiting, -9);
  assert.equal(await process.wait(), -9);
  assert.equal(process.stdout!.atEof(), false);
  globalThis.process.kill(grandchild, "SIGKILL");
  assert.equal(text(await process.stdout!.read()), "");
});

runs("SUBP-06: communicate waits for the grandchild that holds stdout", async () => {
  const process = await createSubprocessShell("(read line; echo late) <&0 & exit 3", piped);
  const { stdin } = process;
  const communicating = createTask(() => process.communicate());
  await until(() => process.returncode !== null, "the end of the shell");
  const [stdout] = await communicating;
  assert.deepEqual([text(stdout), stdin!.isClosing()], ["late\n", true]);
});

runs("SUBP-07: a child that ends without reading a big stdin breaks the pipe", async () => {
  const process = await createSubprocessExec("true", [], { stdin: PIPE });
  const { stdin } = process;
  await assert.rejects(
    async () => {
      stdin!.write(MEGABYTE);
      await stdin!.drain();
    },
    (error) => error instanceof BrokenPipeError || error instanceof ConnectionResetError,
  );
  await process.wait();
});

runs("SUBP-07: a child that closes stdin and lives on breaks the pipe", async () => {
  const process = await createSubprocessShell("exec <&-; echo closed; exec sleep 60", {
    stdin: PIPE,
    stdout: PIPE,
  });
  await process.stdout!.readline();
  await assert.rejects(
    async () => {
      process.stdin!.write(MEGABYTE);
      await process.stdin!.drain();
    },
    (error) => error instanceof BrokenPipeError || error instanceof ConnectionResetError,
  );
  process.kill();
  await process.wait();
});

runs("SUBP-08: communicate overlooks a child that does not read its input", async () => {
  const process = await createSubprocessShell("exec <&-; echo done", { stdin: PIPE, stdout: PIPE });
  const [stdout] = await process.communicate(MEGABYTE);
  assert.deepEqual([text(stdout), process.returncode], ["done\n", 0]);
});

runs(
  "SUBP-09: output above twice the limit holds the child back, reading lets it go on",
  async () => {
    const script = "head -c 1000000 /dev/zero; echo done >&2";
    const process = await createSubprocessShell(script, { stdout: PIPE, stderr: PIPE, limit: 100 });
    const done = createTask(() => process.stderr!.readline());
    await sleep(0);
    // Time enough to write it all, were it not held back.
    await sleep(0.2);
    assert.equal(done.done(), false);
    let total = 0;
    while (!process.stdout!.atEof()) total += (await process.stdout!.read(50_000)).length;
    assert.equal(total, 1_000_000);
    assert.equal(text(await done), "done\n");
    assert.equal(await process.wait(), 0);
  },
);

runs("SUBP-09: communicate gets everything whatever the limit", async () => {
  const process = await createSubprocessShell("head -c 300000 /dev/zero", {
    stdout: PIPE,
    limit: 10,
  });
  const [stdout] = await process.communicate();
  assert.equal(stdout!.length, 300_000);
});

runs("SUBP-09: a limit of zero is refused before anything starts", async () => {
  await assert.rejects(createSubprocessExec("true", [], { limit: 0 }), RangeError);
});

runs("SUBP-10: children that run side by side do not hold each other's stdin open", async () => {
  const processes = await Promise.all(
    [1, 2, 3].map(() => createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE })),
  );
  for (const process of processes) {
    process.stdin!.close();
    // Would hang as long as a sibling had the writing end.
    assert.equal(text(await process.stdout!.read()), "");
    assert.equal(await process.wait(), 0);
  }
});

runs("SUBP-10: a piped stdin can be read through cat's - as well", async () => {
  const process = await createSubprocessExec("cat", ["-", "/dev/null"], {
    stdin: PIPE,
    stdout: PIPE,
  });
  const [stdout] = await process.communicate("data");
  assert.equal(text(stdout), "data");
});

runs("SUBP-11: a cancelled wait leaves the process alone, a later one works", async () => {
  const process = await createSubprocessExec("sleep", ["60"]);
  const waiting = createTask(() => process.wait());
  await sleep(0);
  waiting.cancel();
  await assertCancelled(waiting);
  assert.equal(process.returncode, null);
  process.kill();
  assert.equal(await process.wait(), -9);
});

runs(
  "SUBP-11: a wait cancelled in the moment of the end does not keep the others waiting",
  async () => {
    const process = await createSubprocessExec("cat", [], { stdin: PIPE });
    const waits = [1, 2, 3].map(() => createTask(() => process.wait()));
    await sleep(0);
    waits[1]!.cancel();
    process.stdin!.close();
    await assertCancelled(waits[1]!);
    assert.deepEqual([await waits[0], await waits[2]], [0, 0]);
  },
);

runs("SUBP-15: output can be read to its end after the exit", async () => {
  const process = await createSubprocessShell("echo first; echo second", { stdout: PIPE });
  await until(() => process.returncode !== null, "the exit");
  await sleep(0.02);
  assert.equal(text(await process.stdout!.readline()), "first\n");
  assert.equal(text(await process.stdout!.read()), "second\n");
  assert.equal(await process.wait(), 0);
});

runs(
  "SUBP-19: the environment is exactly what env says, for programs and for the shell",
  async () => {
    const env = { PATH: "/usr/bin:/bin", GREETING: "hello" };
    const exec = await createSubprocessExec("env", [], { env, stdout: PIPE });
    const lines = text((await exec.communicate())[0]).trim().split("\n").sort();
    assert.deepEqual(lines, ["GREETING=hello", "PATH=/usr/bin:/bin"]);
    const shell = await createSubprocessShell('echo "$GREETING ${HOME-none}"', {
      env,
      stdout: PIPE,
    });
    assert.equal(text((await shell.communicate())[0]), "hello none\n");
  },
);

runs("SUBP-19: wait after communicate has the code within a tick", async () => {
  const process = await createSubprocessShell("exit 3", { stdout: PIPE });
  await process.communicate();
  const waiting = createTask(() => process.wait());
  await sleep(0);
  await sleep(0);
  assert.equal(waiting.done() && waiting.result(), 3);
});

runs("SUBP-20: ten waits after the end all give the code", async () => {
  const process = await createSubprocessShell("exit 4");
  await process.wait();
  const codes = await gather(Array.from({ length: 10 }, () => () => process.wait()));
  assert.deepEqual(codes, Array(10).fill(4));
});

runs("SUBP-20: ten waits before the end all give the code", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE });
  const codes = gather(Array.from({ length: 10 }, () => () => process.wait()));
  await sleep(0);
  process.stdin!.close();
  assert.deepEqual(await codes, Array(10).fill(0));
});

runs("SUBP-21: ten processes at once, each with its own output", async () => {
  const outputs = await gather(Array.from({ length: 10 }, (_, index) => async () => {
    const process = await createSubprocessShell(`cat; echo ${index}`, piped);
    const [stdout] = await process.communicate(`input ${index} `);
    return text(stdout);
  }));
  assert.deepEqual(outputs, Array.from({ length: 10 }, (_, index) => `input ${index} ${index}\n`));
});

runs(
  "SUBP-23: a signal that races with the end does no harm, and the exit code stays",
  async () => {
    for (let i = 0; i < 20; i++) {
      const process = await createSubprocessExec("sh", ["-c", "exit 3"]);
      await sleep(i * 0.0002);
      try {
        process.sendSignal("SIGCONT");
      } catch (error) {
        assert.ok(error instanceof ProcessLookupError, String(error));
      }
      assert.equal(await process.wait(), 3);
    }
  },
);

runs("SUBP-25: a process prints its pid", async () => {
  const process = await createSubprocessExec("true");
  assert.equal(String(process), `<Process ${process.pid}>`);
  await process.wait();
});

runs("SUBP-28: a cancelled communicate leaves the child and its streams usable", async () => {
  const process = await createSubprocessShell("read line; echo start; sleep 0.1; echo end", piped);
  const communicating = createTask(() => process.communicate("go\n"));
  await sleep(0);
  await sleep(0.02);
  communicating.cancel();
  await assertCancelled(communicating);
  assert.equal(process.returncode, null);
  assert.equal(process.stdin!.isClosing(), true);
  assert.match(text(await process.stdout!.read()), /end\n$/);
  assert.equal(await process.wait(), 0);
});

runs("SUBP-29: wait ends at the exit; what a grandchild writes later can be read", async () => {
  const process = await createSubprocessShell("(sleep 0.2; echo late) & exit 3", { stdout: PIPE });
  assert.equal(await process.wait(), 3);
  assert.equal(process.stdout!.atEof(), false);
  assert.equal(text(await process.stdout!.read()), "late\n");
});

for (const stream of ["stdout", "stderr"] as const) {
  runs(`SUBP-29: wait ends though ${stream} was left unread`, async () => {
    const script = `exec yes >&${stream === "stdout" ? 1 : 2}`;
    const process = await createSubprocessShell(script, { [stream]: PIPE });
    const waiting = createTask(() => process.wait());
    await process[stream]!.readline();
    process.kill();
    assert.equal(await waiting, -9);
    // And what was written before the end is still there.
    assert.equal(text(await process[stream]!.readline()), "y\n");
    await process[Symbol.asyncDispose]();
  });
}

runs("SUBP-29: wait ends though stdin was not read", async () => {
  const process = await createSubprocessExec("sleep", ["60"], { stdin: PIPE });
  const waiting = createTask(() => process.wait());
  process.stdin!.write(MEGABYTE);
  const drained = createTask(() => process.stdin!.drain());
  await sleep(0);
  process.kill();
  assert.equal(await waiting, -9);
  await assert.rejects(
    async () => await drained,
    (error) => error instanceof BrokenPipeError || error instanceof ConnectionResetError,
  );
});

runs("SUBP-29: asyncDispose also waits for the loss of the pipes", async () => {
  const process = await createSubprocessShell("sleep 60 & echo $!; exit 3", piped);
  const grandchild = Number(text(await process.stdout!.readline()));
  assert.equal(await process.wait(), 3);
  await process[Symbol.asyncDispose]();
  assert.deepEqual([process.stdout!.atEof(), process.stderr!.atEof()], [true, true]);
  globalThis.process.kill(grandchild, "SIGKILL");
});

runs(
  "SUBP-30: without a stdin pipe the input is dropped, and communicate again gives nothing",
  async () => {
    const process = await createSubprocessShell("echo out", { stdin: DEVNULL, stdout: PIPE });
    assert.equal(text((await process.communicate("ignored"))[0]), "out\n");
    const [stdout, stderr] = await process.communicate("ignored");
    assert.deepEqual([stdout!.length, stderr], [0, null]);
  },
);

runs("SUBP-30: kill after the exit is a ProcessLookupError", async () => {
  const process = await createSubprocessExec("true");
  await process.wait();
  for (const end of ["kill", "terminate"] as const) {
    assert.throws(() => process[end](), ProcessLookupError);
  }
  assert.throws(() => process.sendSignal("SIGHUP"), /it has ended with returncode 0/);
});

runs("SUBP-30: asyncDispose kills what still runs, and waits", async () => {
  const process = await createSubprocessShell("trap '' TERM; sleep 60", { stdout: PIPE });
  await process[Symbol.asyncDispose]();
  assert.equal(process.returncode, -9);
  await process[Symbol.asyncDispose]();
});

runs("SUBP-30: asyncDispose of one that has ended keeps its exit code", async () => {
  const process = await createSubprocessShell("exit 3");
  await process.wait();
  await process[Symbol.asyncDispose]();
  assert.equal(process.returncode, 3);
});

runs("SUBP-01: stdin's writer tells its pipe, and the transport its loop's child", async () => {
  const process = await createSubprocessExec("cat", [], { stdin: PIPE });
  assert.notEqual(process.stdin!.getExtraInfo("pipe"), null);
  assert.equal(process.stdin!.getExtraInfo("peername"), null);
  assert.equal(getRunningLoop().isRunning(), true);
  process.stdin!.close();
  assert.equal(await process.wait(), 0);
});
