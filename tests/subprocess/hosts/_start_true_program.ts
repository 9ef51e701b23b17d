// Starts a program and says how that went: for runs with fewer permissions.
import { createSubprocessExec, createSubprocessShell, PIPE, run, STDOUT } from "../../../mod.ts";

const ways: Record<string, () => ReturnType<typeof createSubprocessExec>> = {
  exec: () => createSubprocessExec("true"),
  joined: () => createSubprocessExec("true", [], { stdout: PIPE, stderr: STDOUT }),
  shell: () => createSubprocessShell("true"),
};

await run(async () => {
  for (const [name, start] of Object.entries(ways)) {
    try {
      const process = await start();
      await process.communicate();
      console.log(`${name}: ended with ${process.returncode}`);
    } catch (error) {
      console.log(`${name}: ${error}`);
    }
  }
});
