// Random programs that nobody has recorded yet, beside the CPython of this machine (3.13 or later, by its usual name or as
// PYTHON). Without one there is nothing to compare with, and the test is skipped.
//   PROGRAMS=20000 deno test -A tests/soak/differential.soak.ts
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { differs, type Recorded, trace } from "../differential/_machine.ts";

const recorder = fileURLToPath(new URL("../differential/record_programs.py", import.meta.url));
const programs = Number(process.env["PROGRAMS"] ?? 3000);
const first = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e9));

function findPython(): string | null {
  const names = ["python3.15", "python3.14", "python3.13", "python3"];
  for (const name of [process.env["PYTHON"], ...names]) {
    if (name === undefined) continue;
    try {
      const code = "import sys; print(sys.version_info >= (3, 13))";
      if (execFileSync(name, ["-c", code], { encoding: "utf8" }).trim() === "True") return name;
    } catch (error) {
      // It is not there, or not in order: the next one may be.
      if (!(error instanceof Error)) throw error;
    }
  }
  return null;
}

const python = findPython();

test(
  "DIFF-02: programs with fresh seeds run as in CPython",
  { skip: python === null },
  async () => {
    const options = [`--seed=${first}`, `--count=${programs}`];
    const lines = execFileSync(python!, [recorder, ...options], {
      encoding: "utf8",
      maxBuffer: 2 ** 30,
    });
    const different: string[] = [];
    for (const line of lines.trim().split("\n")) {
      const [seed, program, expected] = JSON.parse(line) as Recorded;
      const here = await trace(program);
      if (differs(here, expected)) different.push(`${seed}\n  there ${expected}\n  here  ${here}`);
    }
    assert.equal(
      different.length,
      0,
      `${different.length} differ\n${different.slice(0, 5).join("\n")}`,
    );
  },
);
