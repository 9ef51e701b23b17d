// A program that was compiled into one executable: the runtime's own path is the program itself.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BrokenExecutor, ProcessPoolExecutor, run, RuntimeError } from "../../../mod.ts";
import { rejection } from "../../_support/threads.ts";

interface Sea {
  isSea(): boolean;
}

/** Makes this process look like a compiled program; returns what undoes it. */
function pretend(): () => void {
  if ("Deno" in globalThis) {
    const { Deno } = globalThis as unknown as { Deno: { build: object } };
    const { build } = Deno;
    Deno.build = { ...build, standalone: true };
    return () => {
      Deno.build = build;
    };
  }
  const sea = process.getBuiltinModule("node:sea") as Sea;
  const { isSea } = sea;
  sea.isSea = () => true;
  return () => {
    sea.isSea = isSea;
  };
}

/** Bun can be told to be itself: the children of a compiled program are Bun. */
async function withBun(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "asyncio-"));
  try {
    const program = join(folder, "program");
    const source = fileURLToPath(new URL("./_compiled_program.ts", import.meta.url));
    const start = promisify(execFile);
    await start(process.execPath, ["build", source, "--compile", `--outfile=${program}`]);
    const { stdout } = await start(program, [], { timeout: 20_000 });
    assert.equal(stdout, "2 undefined\n");
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The others say what to do. */
async function elsewhere(): Promise<void> {
  const undo = pretend();
  try {
    await run(async () => {
      const pool = new ProcessPoolExecutor({ maxWorkers: 1 });
      const error = await rejection(pool.submit(() => 1));
      await pool.shutdown();
      assert.ok(error instanceof BrokenExecutor);
      assert.ok(error.cause instanceof RuntimeError);
      assert.match(error.message, /compiled into one executable.*Use a ThreadPoolExecutor/);
    });
  } finally {
    undo();
  }
}

test(
  "THR-01: a compiled program never starts itself as the child of a process pool",
  "Bun" in globalThis ? withBun : elsewhere,
);
