// Run by host_exhaustion.test.ts with few descriptors: uses them all up, connects, frees them
// again.
import * as fs from "node:fs";
import type { OSError } from "../../../runtime/errors/os_error.ts";
import type { RawChannel } from "../../../net/core/host.ts";
import { netHost } from "../../../net/hosts/select.ts";
import { pause, portOf, Recorder, write } from "../../_support/net_hosts.ts";

const listener = await netHost.listenTcp({ hostname: "127.0.0.1", port: 0 });
const accepted: RawChannel[] = [];
const errors: { code: string; retry: boolean }[] = [];
const sink = {
  onConnection: (channel: RawChannel) => {
    accepted.push(channel);
  },
  onError: (error: OSError, retry: boolean) => {
    errors.push({ code: error.code, retry });
    setTimeout(() => listener.start(sink), 100);
  },
};
listener.start(sink);

// What loads lazily must have its descriptors before there are none.
const warm = await netHost.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
await pause(50);

const hoard: number[] = [];
let exhausted = "";
while (exhausted === "") {
  try {
    hoard.push(fs.openSync("/dev/null", "r"));
  } catch (error) {
    exhausted = String((error as { code?: unknown }).code);
  }
}
// One for the client's end; the server's end finds none.
fs.closeSync(hoard.pop() ?? -1);
const client = await netHost.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
await pause(50);
const during = accepted.length - 1;
for (const fd of hoard) fs.closeSync(fd);
client.close();

const later = await netHost.connect({ hostname: "127.0.0.1", port: portOf(listener) }).promise;
await pause(300);
const got = new Recorder();
accepted.at(-1)?.startReading(got);
await write(later, "alive");
await Promise.race([got.received(5), pause(300)]);
console.log(JSON.stringify({ exhausted, during, errors, alive: got.length === 5 }));
for (const channel of [warm, later, ...accepted]) channel.close();
listener.close();
