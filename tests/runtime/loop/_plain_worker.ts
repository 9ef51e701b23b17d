/** Plain code of another thread: waits there and tells how it went. */
import { parentPort } from "node:worker_threads";
import { currentTask, sleep, timeout } from "../../../mod.ts";

const slept = await sleep(0.001, "slept");
const name = await timeout(0.001).with(() => sleep(60)).catch((error) => error.name);
parentPort!.postMessage({ slept, task: currentTask(), timeout: name });
