// Starts children until the descriptors run out, then ends them and starts one more.
import { createSubprocessExec, OSError, PIPE, type Process, run } from "../../../mod.ts";

await run(async () => {
  const children: Process[] = [];
  try {
    for (;;) {
      children.push(await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE }));
    }
  } catch (error) {
    console.log(error instanceof OSError ? error.code : String(error));
  }
  for (const child of children) await child[Symbol.asyncDispose]();
  const again = await createSubprocessExec("true");
  console.log(await again.wait());
});
