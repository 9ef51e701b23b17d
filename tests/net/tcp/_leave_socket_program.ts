/** Closes a unix server whose socket file must stay, and exits at once. The path is the argument. */
import process from "node:process";
import { run, sleep, startUnixServer } from "../../../mod.ts";

await run(async () => {
  const options = { cleanupSocket: false };
  const server = await startUnixServer(
    (_reader, writer) => writer.close(),
    process.argv[2]!,
    options,
  );
  await sleep(0.01);
  server.close();
  process.exit(0);
});
