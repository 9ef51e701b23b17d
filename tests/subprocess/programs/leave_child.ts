// Ends its run while a child still runs that holds all its pipes.
import { createSubprocessShell, PIPE, run } from "../../../mod.ts";

const child = await run(async () => {
  const process = await createSubprocessShell(
    "trap '' PIPE; cat >/dev/null; sleep 0.3; echo late; exec sleep 60",
    {
      stdin: PIPE,
      stdout: PIPE,
      stderr: PIPE,
    },
  );
  process.stdin!.write("input");
  await process.stdin!.drain();
  return process;
});
console.log(child.pid);
