/** A promise that nobody awaits is ended with its run; in debug mode if told so. */
import { run, sleep } from "../../../mod.ts";

async function sayLater(): Promise<void> {
  await sleep(3600);
}

await run(async () => {
  void sayLater();
  await sleep(0);
}, { debug: process.argv[2] === "debug" });
