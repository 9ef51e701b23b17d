// Starts a child whose errors go where its output goes, which is our own standard output.
import { createSubprocessShell, run, STDOUT } from "../../../mod.ts";

await run(async () => {
  const script = "echo out 1; echo err 1 >&2; echo out 2; echo err 2 >&2";
  const child = await createSubprocessShell(script, { stderr: STDOUT });
  console.log(`ended: ${await child.wait()}`);
});
