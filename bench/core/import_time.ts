/**
 * How many milliseconds an import adds to an empty program: the difference of the medians of whole processes, run in
 * turn. The environment names both command lines, as JSON: { empty: [...], full: [...] }.
 */
import { spawnSync } from "node:child_process";
import process from "node:process";
import { median, program } from "../_kit.ts";

const repetitions = 15;

function duration([command, ...args]: string[]): number {
  const start = performance.now();
  const { status, error } = spawnSync(command!, args, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw error ?? new Error(`${command} ${args.join(" ")} ended with ${status}`);
  return performance.now() - start;
}

await program({
  "import": async () => {
    const { empty, full } = JSON.parse(process.env["BENCH_IMPORT"] ?? "{}");
    // Fills the caches of compiled code.
    duration(full);
    const times: { empty: number[]; full: number[] } = { empty: [], full: [] };
    for (let i = 0; i < repetitions; i++) {
      times.empty.push(duration(empty));
      times.full.push(duration(full));
    }
    return median(times.full) - median(times.empty);
  },
});
