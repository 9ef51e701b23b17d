import assert from "node:assert/strict";
import {
  getRunningLoop,
  ProcessLookupError,
  sleep,
  STDOUT,
  type SubprocessProtocol,
  type SubprocessTransport,
} from "../../../mod.ts";
import { runsInRealTime as runs } from "../../_support/tasks.ts";
import { text, until } from "../../_support/processes.ts";

/** Writes down what it is told. */
class Recorder implements SubprocessProtocol {
  readonly events: string[] = [];
  readonly output: Record<1 | 2, string> = { 1: "", 2: "" };
  transport: SubprocessTransport | null = null;
  lost = false;

  connectionMade(transport: SubprocessTransport): void {
    this.events.push("made");
    this.transport = transport;
  }

  pipeDataReceived(fd: 1 | 2, data: Uint8Array): void {
    if (this.events.at(-1) !== `data ${fd}`) this.events.push(`data ${fd}`);
    this.output[fd] += text(data);
  }

  pipeConnectionLost(fd: 0 | 1 | 2, error: unknown | null): void {
    this.events.push(`lost ${fd}${error === null ? "" : ` ${(error as Error).name}`}`);
  }

  processExited(): void {
    this.events.push("exited");
  }

  connectionLost(error: unknown | null): void {
    this.events.push(`end ${error}`);
    this.lost = true;
  }

  ended(): Promise<void> {
    return until(() => this.lost, "connectionLost");
  }
}

async function exec(script: string, options = {}): Promise<[SubprocessTransport, Recorder]> {
  return await getRunningLoop().subprocessExec(
    () => new Recorder(),
    "sh",
    ["-c", script],
    options,
  );
}

runs("SUBP-26: exec: the three streams are pipes, input comes back as output", async () => {
  const [transport, protocol] = await exec("cat");
  const stdin = transport.getPipeTransport(0)!;
  stdin.write("Python The Winner");
  stdin.close();
  await protocol.ended();
  assert.equal(protocol.output[1], "Python The Winner");
  assert.equal(transport.getReturncode(), 0);
  assert.equal(transport.getProtocol(), protocol);
});

runs("SUBP-26: a dialogue", async () => {
  const [transport, protocol] = await exec("exec cat");
  const stdin = transport.getPipeTransport(0)!;
  for (const word of ["Python ", "The Winner"]) {
    const before = protocol.output[1];
    stdin.write(word);
    await until(() => protocol.output[1] === before + word, "the echo");
  }
  transport.close();
  await protocol.ended();
  assert.equal(transport.getReturncode(), -9);
});

runs("SUBP-26: a shell command, its exit code and its stderr apart", async () => {
  const [transport, protocol] = await getRunningLoop().subprocessShell(
    () => new Recorder(),
    "echo out; echo err >&2; exit 7",
  );
  await protocol.ended();
  assert.deepEqual(protocol.output, { 1: "out\n", 2: "err\n" });
  assert.equal(transport.getReturncode(), 7);
});

runs("SUBP-26: stderr joined to stdout has no transport of its own", async () => {
  const [transport, protocol] = await exec("cat; echo err >&2", { stderr: STDOUT });
  assert.equal(transport.getPipeTransport(2), null);
  assert.notEqual(transport.getPipeTransport(1), null);
  transport.getPipeTransport(0)!.write("out ");
  transport.getPipeTransport(0)!.writeEof();
  await protocol.ended();
  assert.deepEqual(protocol.output, { 1: "out err\n", 2: "" });
});

runs("SUBP-26: streams that are not piped have no transport", async () => {
  const [transport, protocol] = await exec("exit 0", { stdin: null, stdout: null, stderr: null });
  for (const fd of [0, 1, 2] as const) assert.equal(transport.getPipeTransport(fd as 0), null);
  await protocol.ended();
  assert.deepEqual(protocol.events, ["made", "exited", "end null"]);
});

runs("SUBP-26: close after the end changes nothing", async () => {
  const [transport, protocol] = await exec("exit 3");
  await protocol.ended();
  assert.equal(transport.isClosing(), false);
  transport.close();
  transport.close();
  assert.equal(transport.isClosing(), true);
  assert.equal(transport.getReturncode(), 3);
});

runs("SUBP-26: kill, terminate and sendSignal", async () => {
  const ends: [(transport: SubprocessTransport) => void, number][] = [
    [(transport) => transport.kill(), -9],
    [(transport) => transport.terminate(), -15],
    [(transport) => transport.sendSignal("SIGHUP"), -1],
  ];
  for (const [end, returncode] of ends) {
    const [transport, protocol] = await exec("exec sleep 60");
    end(transport);
    await protocol.ended();
    assert.equal(transport.getReturncode(), returncode);
  }
});

runs("SUBP-26: a session of its own", async () => {
  const [transport, protocol] = await exec("ps -o pgid= -p $$", { startNewSession: true });
  await protocol.ended();
  assert.equal(Number(protocol.output[1]), transport.getPid());
});

runs("SUBP-26: a paused pipe transport holds the child back", async () => {
  const [transport, protocol] = await exec("head -c 2000000 /dev/zero | tr '\\0' x; echo done >&2");
  const stdout = transport.getPipeTransport(1)!;
  stdout.pauseReading();
  assert.equal(stdout.isReading(), false);
  // Time enough to write it all, were it not held back.
  await sleep(0.2);
  const before = protocol.output[1].length;
  assert.ok(before < 500_000, String(before));
  assert.equal(protocol.output[2], "");
  stdout.resumeReading();
  await protocol.ended();
  assert.equal(protocol.output[1].length, 2_000_000);
  assert.equal(protocol.output[2], "done\n");
});

runs("SUBP-26: a stdin above its high-water mark pauses writing, and resumes", async () => {
  const flow: string[] = [];
  class Writer extends Recorder {
    pauseWriting(): void {
      flow.push("pause");
    }
    resumeWriting(): void {
      flow.push("resume");
    }
  }
  const [transport, protocol] = await getRunningLoop().subprocessExec(() => new Writer(), "sh", [
    "-c",
    "sleep 0.1; wc -c",
  ]);
  const stdin = transport.getPipeTransport(0)!;
  stdin.write(new Uint8Array(1 << 20));
  assert.deepEqual(flow, ["pause"]);
  assert.ok(stdin.getWriteBufferSize() > 0);
  await until(() => flow.length === 2, "resumeWriting");
  stdin.close();
  await protocol.ended();
  assert.deepEqual(flow, ["pause", "resume"]);
  assert.equal(protocol.output[1].trim(), String(1 << 20));
});

runs(
  "SUBP-22: data of a pipe before its loss, the exit anywhere, connectionLost last",
  async () => {
    for (const script of ["echo out; echo err >&2", "exec >&- 2>&-; sleep 0.02", "exit 1"]) {
      const [, protocol] = await exec(script);
      await protocol.ended();
      const { events } = protocol;
      assert.equal(events[0], "made");
      assert.equal(events.at(-1), "end null");
      assert.equal(events.filter((event) => event === "exited").length, 1);
      for (const fd of [0, 1, 2]) {
        assert.equal(events.filter((event) => event === `lost ${fd}`).length, 1, `lost ${fd}`);
        const data = events.lastIndexOf(`data ${fd}`);
        assert.ok(data < events.indexOf(`lost ${fd}`), `${events}`);
      }
    }
  },
);

runs(
  "SUBP-22: what the protocol throws is reported, and nothing else is harmed",
  async (loop, reports) => {
    class Failing extends Recorder {
      override pipeDataReceived(fd: 1 | 2, data: Uint8Array): void {
        super.pipeDataReceived(fd, data);
        throw new Error("mine");
      }
    }
    const [, protocol] = await loop.subprocessExec(() => new Failing(), "echo", ["hello"]);
    await protocol.ended();
    assert.equal(protocol.output[1], "hello\n");
    assert.deepEqual(reports.map(({ message }) => message), [
      "Exception in callback pipeDataReceived()",
    ]);
    assert.match(String(reports[0]!.exception), /mine/);
    reports.length = 0;
  },
);

runs("SUBP-13: close kills what still runs, and closes its pipes", async () => {
  const [transport, protocol] = await exec("trap '' TERM; sleep 60 & wait");
  transport.close();
  assert.equal(transport.isClosing(), true);
  await protocol.ended();
  assert.equal(transport.getReturncode(), -9);
  assert.deepEqual(protocol.events.filter((event) => event.startsWith("lost")).sort(), [
    "lost 0",
    "lost 1",
    "lost 2",
  ]);
});

runs("SUBP-13: close spares a process that has ended without anybody noticing", async () => {
  const [transport, protocol] = await exec("exit 5");
  // The loop gets no turn meanwhile, so the end is unnoticed.
  const until = performance.now() + 100;
  while (performance.now() < until);
  transport.close();
  await protocol.ended();
  assert.equal(transport.getReturncode(), 5);
});

runs(
  "SUBP-24: after the end: returncode known, connectionLost called, signals refused",
  async () => {
    const [transport, protocol] = await exec("exit 6");
    await protocol.ended();
    assert.equal(transport.getReturncode(), 6);
    assert.equal(protocol.events.at(-1), "end null");
    assert.equal(transport.isClosing(), false);
    assert.throws(() => transport.sendSignal("SIGHUP"), ProcessLookupError);
    assert.throws(() => transport.terminate(), ProcessLookupError);
    assert.throws(() => transport.kill(), ProcessLookupError);
  },
);

runs(
  "SUBP-24: between the exit and the end of the pipes a signal is dropped in silence",
  async () => {
    const [transport, protocol] = await exec("(sleep 0.2; echo late) & exit 6", { stderr: null });
    await until(() => transport.getReturncode() !== null, "the exit");
    assert.equal(protocol.lost, false);
    transport.kill();
    await protocol.ended();
    assert.equal(transport.getReturncode(), 6);
    assert.equal(protocol.output[1], "late\n");
  },
);

runs("SUBP-25: a transport prints pid and returncode, or that it runs", async () => {
  const [transport, protocol] = await exec("exec sleep 60");
  assert.match(
    String(transport),
    new RegExp(
      `^<SubprocessTransport pid=${transport.getPid()} running stdin=<.*stdout=<.*stderr=<`,
    ),
  );
  transport.close();
  await protocol.ended();
  assert.match(String(transport), /^<SubprocessTransport closed pid=\d+ returncode=-9 /);
});

runs("SUBP-27: closing the stdout transport breaks the child's pipe", async () => {
  const script = "trap '' PIPE; read line; echo data 2>/dev/null || echo failed >&2";
  const [transport, protocol] = await exec(script);
  transport.getPipeTransport(1)!.close();
  await until(() => protocol.events.includes("lost 1"), "the loss of stdout");
  transport.getPipeTransport(0)!.write("go\n");
  await protocol.ended();
  assert.equal(protocol.output[2], "failed\n");
});

runs("SUBP-26: getExtraInfo tells the runtime's own object", async () => {
  const [transport, protocol] = await exec("exit 0");
  assert.equal((transport.getExtraInfo("subprocess") as { pid: number }).pid, transport.getPid());
  assert.equal(transport.getExtraInfo("peername"), null);
  await protocol.ended();
});

runs("SUBP-26: setProtocol hands the process over", async () => {
  const [transport, first] = await exec("cat");
  const second = new Recorder();
  transport.setProtocol(second);
  transport.getPipeTransport(0)!.write("for the second");
  transport.getPipeTransport(0)!.close();
  await second.ended();
  assert.equal(second.output[1], "for the second");
  assert.deepEqual(first.events, ["made"]);
});
