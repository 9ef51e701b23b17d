/** Ends, in the way that is named, with a failed task that nobody awaits. */
import process from "node:process";
import { createTask, run, sleep } from "../../../mod.ts";

const end = process.argv[2];
const kept: unknown[] = [];

async function fail(): Promise<void> {
  kept.push(createTask(() => {
    throw new Error("order was not saved");
  }));
  await sleep(0.001);
  console.log("the program ends");
  if (end !== "of itself") process.exit(0);
}

await (end === "by exit() in a run" ? run(fail) : fail());
