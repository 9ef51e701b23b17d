// Ends its run while a child still runs that holds all its pipes: one that has read its input, or one that never does.
import { createSubprocessShell, PIPE, run } from "../../../mod.ts";

const scripts: Record<string, string> = {
  reading: "trap '' PIPE; cat >/dev/null; sleep 0.2; echo late; exec sleep 60",
  stuck: "exec sleep 60",
};

const how = process.argv[2]!;
const child = await run(async () => {
  const process = await createSubprocessShell(scripts[how]!, {
    stdin: PIPE,
    stdout: PIPE,
    stderr: PIPE,
  });
  process.stdin!.write(new Uint8Array(how === "stuck" ? 1 << 20 : 10));
  return process;
});
console.log(child.pid);
