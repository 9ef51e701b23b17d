/** The worker of bare.ts: sends everything back, buffers as transfers; "compute" is work. */
import { parentPort } from "node:worker_threads";
import { compute } from "./_work.ts";

parentPort!.on("message", (data: unknown) => {
  if (data instanceof ArrayBuffer) {
    parentPort!.postMessage(data, [data]);
  } else {
    parentPort!.postMessage(data === "compute" ? compute() : null);
  }
});
