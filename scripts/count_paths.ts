/**
 * How many files and calls lie on the library's five best-known paths, counted on Node by V8's precise coverage. The table
 * stands in docs/design.md.
 *
 *     deno task paths              the table
 *     deno task paths --verbose    also the files of each path with their calls
 */
import { inRoot, main, must } from "./_shell.ts";
import { findRuntime } from "./runtimes.ts";

interface Walk {
  path: string;
  files: Record<string, number>;
}

if (import.meta.main) {
  await main(async () => {
    const { path: node } = await findRuntime("node24");
    const program = inRoot("scripts/_paths_program.ts");
    const output = await must(node, ["--disable-warning=ExperimentalWarning", program]);
    const walks: Walk[] = JSON.parse(output);
    console.log("| path | files | calls |\n| --- | --: | --: |");
    for (const { path, files } of walks) {
      const calls = Object.values(files).reduce((sum, count) => sum + count, 0);
      console.log(`| ${path} | ${Object.keys(files).length} | ${calls} |`);
    }
    if (Deno.args.includes("--verbose")) {
      for (const { path, files } of walks) {
        console.log(`\n${path}`);
        for (const [file, calls] of Object.entries(files).sort(([, a], [, b]) => b - a)) {
          console.log(`${String(calls).padStart(6)}  ${file}`);
        }
      }
    }
    return 0;
  });
}
