/**
 * Follows many log files at once and shows their new lines as they come, each with the name of its file. Files may come and go:
 * they are rotated, or are not there yet.
 *
 *     deno run -A examples/log_follower.ts --lines=10 /var/log/*.log
 */
import { basename } from "node:path";
import * as asyncio from "../mod.ts";
import { numberOf, parse, program, text, UsageError } from "./_program.ts";

async function main(args: string[]): Promise<void> {
  const { options, rest: files } = parse(args, { lines: "0" });
  if (files.length === 0) throw new UsageError("Which files?");
  const lines = Math.floor(numberOf(options.lines, "--lines", 0, 1_000_000));
  const width = Math.max(...files.map((file) => basename(file).length));
  let seen = 0;
  console.error(`following ${files.length} files; Ctrl-C ends`);
  try {
    await new asyncio.TaskGroup().with((group) => {
      for (const file of files) {
        group.createTask(async () => {
          for await (const line of follow(file, lines)) {
            seen++;
            console.log(`${basename(file).padEnd(width)} | ${line}`);
          }
          throw new Error(`tail has ended, so ${file} cannot be followed any more`);
        }, { name: file });
      }
    });
  } catch (error) {
    if (!(error instanceof asyncio.ExceptionGroup)) throw error;
    const missing = error.subgroup(asyncio.FileNotFoundError);
    throw missing === null ? error : missing.leaves()[0];
  } finally {
    console.error(`${seen} lines from ${files.length} files`);
  }
}

/** The lines of a file as they are written; ends its `tail` when nobody wants them any more. */
async function* follow(file: string, lines: number): AsyncGenerator<string> {
  const tail = await asyncio.createSubprocessExec("tail", ["-n", String(lines), "-F", "--", file], {
    stdout: asyncio.PIPE,
    stderr: asyncio.DEVNULL, // it tells when a file is rotated
    limit: 1 << 20, // no line is longer than a mebibyte
    startNewSession: true, // Ctrl-C is for us: we end the tails in order
  });
  try {
    for await (const line of tail.stdout!) yield text(line).trimEnd();
  } finally {
    await asyncio.terminateProcess(tail, { grace: 1 });
  }
}

await program("log_follower.ts [--lines=0] FILE...", main);
