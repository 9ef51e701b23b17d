// What takes too long for every run: many children, much data. The same on Deno, Bun and Node, as every test:
//   deno test -A tests/soak/subprocess.soak.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CancelledError,
  createSubprocessExec,
  createSubprocessShell,
  createTask,
  gather,
  PIPE,
  run,
  Semaphore,
  sleep,
  terminateProcess,
} from "../../mod.ts";
import { openDescriptors, ownChildren, text, until } from "../_support/processes.ts";
import { heldMegabytes, MEGABYTE, residentMegabytes } from "../_support/memory.ts";

const CHUNK = new Uint8Array(64 * 1024).fill(120);
const piped = { stdin: PIPE, stdout: PIPE, stderr: PIPE } as const;

/** Runs the body and checks that it leaves no child, no zombie and no descriptor behind. */
function soak(name: string, body: () => Promise<void>): void {
  test(name, { timeout: 300_000 }, () =>
    run(async () => {
      // What a runtime opens with its first child and keeps does not count.
      await (await createSubprocessExec("true", [], piped)).communicate();
      await sleep(0.05);
      const children = ownChildren();
      const descriptors = openDescriptors();
      await body();
      await until(() => openDescriptors() <= descriptors, "the release of all descriptors");
      await until(() => ownChildren().length === children.length, "the end of all children");
    }));
}

soak("SUBP-21: 200 children at once, each with its own input, output and exit code", async () => {
  const results = await gather(Array.from({ length: 200 }, (_, index) => async () => {
    const child = await createSubprocessShell(`cat; echo ${index} >&2; exit ${index}`, piped);
    const [stdout, stderr] = await child.communicate(`input ${index}`);
    return [text(stdout), text(stderr), child.returncode];
  }));
  assert.deepEqual(
    results,
    Array.from({ length: 200 }, (_, index) => [`input ${index}`, `${index}\n`, index]),
  );
});

soak("SUBP-21: 2,000 children in a row", async () => {
  const before = residentMegabytes();
  for (let index = 0; index < 2000; index++) {
    const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
    const [stdout] = await child.communicate(`input ${index}`);
    assert.deepEqual([text(stdout), child.returncode], [`input ${index}`, 0]);
  }
  const growth = residentMegabytes() - before;
  assert.ok(growth < 150, `memory grew by ${growth} MB`);
});

soak("SUBP-09: 400 MB out of a child, memory flat", async () => {
  const child = await createSubprocessExec("head", ["-c", "400000000", "/dev/zero"], {
    stdout: PIPE,
  });
  const start = performance.now();
  let total = 0;
  let early = 0;
  for (;;) {
    const chunk = await child.stdout!.read(256 * 1024);
    if (chunk.length === 0) break;
    total += chunk.length;
    if (early === 0 && total > 100_000_000) early = heldMegabytes();
  }
  const late = heldMegabytes();
  const rate = total / (performance.now() - start) / 1000;
  const resident = residentMegabytes();
  console.log(`out of a child: ${rate.toFixed(0)} MB/s, ${resident.toFixed(0)} MB resident`);
  assert.equal(total, 400_000_000);
  assert.ok(late - early < 8, `what is held grew by ${late - early} MB`);
  assert.equal(await child.wait(), 0);
});

soak("SUBP-09: a child that writes for ever is held back while nobody reads", async () => {
  const child = await createSubprocessExec("yes", [], { stdout: PIPE });
  await sleep(0.1);
  const before = residentMegabytes();
  await sleep(1);
  const growth = residentMegabytes() - before;
  assert.ok(growth < 30, `memory grew by ${growth} MB`);
  await child[Symbol.asyncDispose]();
});

soak("SUBP-07: 100 MB into a slow child, held back by drain", async () => {
  // 100 portions with pauses: far slower than they could be written.
  const child = await createSubprocessShell(
    "i=0; while [ $i -lt 100 ]; do head -c 1048576 | wc -c; sleep 0.01; i=$((i+1)); done",
    { stdin: PIPE, stdout: PIPE },
  );
  const stdin = child.stdin!;
  const before = residentMegabytes();
  let highest = 0;
  let buffered = 0;
  const output = createTask(() => child.stdout!.read());
  const start = performance.now();
  for (let sent = 0; sent < 100 * MEGABYTE; sent += CHUNK.length) {
    stdin.write(CHUNK);
    buffered = Math.max(buffered, stdin.transport.getWriteBufferSize());
    await stdin.drain();
    highest = Math.max(highest, residentMegabytes());
  }
  stdin.close();
  const rate = 100 * MEGABYTE / (performance.now() - start) / 1000;
  console.log(
    `into a slow child: ${rate.toFixed(0)} MB/s, memory +${(highest - before).toFixed(0)} MB`,
  );
  assert.equal(text(await output), `${MEGABYTE}\n`.repeat(100));
  // At most the high-water mark and the chunk that crossed it.
  assert.ok(buffered <= 2 * CHUNK.length, `${buffered} bytes were buffered`);
  assert.ok(highest - before < 100, `memory grew by ${highest - before} MB`);
  assert.equal(await child.wait(), 0);
});

soak("SUBP-02: 400 MB through cat, both ways at once", async () => {
  const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
  const { stdin, stdout } = child;
  const feed = async (): Promise<void> => {
    for (let sent = 0; sent < 400 * MEGABYTE; sent += CHUNK.length) {
      stdin!.write(CHUNK);
      await stdin!.drain();
    }
    stdin!.close();
  };
  const drain = async (): Promise<number> => {
    let total = 0;
    for (;;) {
      const chunk = await stdout!.read(256 * 1024);
      if (chunk.length === 0) return total;
      total += chunk.length;
    }
  };
  const [, total] = await gather([feed, drain]);
  assert.equal(total, 400 * MEGABYTE);
  assert.equal(await child.wait(), 0);
});

soak(
  "SUBP-12: 500 creations, waits and dialogues cancelled at any moment leave nothing",
  async () => {
    const slots = new Semaphore(20);
    let seed = 7;
    const random = (): number => (seed = seed * 48271 % 2147483647) / 2147483647;
    const outcomes = { cancelled: 0, finished: 0 };
    await gather(Array.from({ length: 500 }, () => async () => {
      const delay = random() * 0.02;
      const how = Math.floor(random() * 4);
      await slots.with(async () => {
        const task = createTask(async () => {
          const child = await createSubprocessShell("cat; sleep 0.005; echo end", piped);
          try {
            if (how === 0) await child.communicate("input");
            else if (how === 1) await child.wait();
            else if (how === 2) await child.stdout!.readline();
            else await terminateProcess(child, { grace: 0.002 });
          } finally {
            await child[Symbol.asyncDispose]();
          }
        });
        await sleep(delay);
        task.cancel();
        try {
          await task;
          outcomes.finished++;
        } catch (error) {
          if (!(error instanceof CancelledError)) throw error;
          outcomes.cancelled++;
        }
      });
    }));
    assert.equal(outcomes.cancelled + outcomes.finished, 500);
    assert.ok(outcomes.cancelled > 100, JSON.stringify(outcomes));
  },
);
