/**
 * Runs the programs of a page in one process, one after the other: `mark`, then their paths. Each begins when the one before
 * it has nothing left to do, and in the folder in which it lies; the mark is printed before it.
 */
import { dirname } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

const [mark, ...paths] = process.argv.slice(2);
let running = "";

function next(): void {
  if (running !== "") throw new Error(`it waits for what never comes: ${running}`);
  const path = paths.shift();
  if (path === undefined) return;
  running = path;
  console.log(mark);
  process.chdir(dirname(path));
  // An error of its own ends the process, as it would if it ran alone.
  void import(pathToFileURL(path).href).then(() => running = "");
}

process.on("beforeExit", () => {
  // Not at once: Bun looks for timers and the like only, not for microtasks, before it ends.
  if (paths.length > 0 || running !== "") setImmediate(next);
});
next();
