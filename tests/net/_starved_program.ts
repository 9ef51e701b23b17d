// Run by starved.test.ts with few descriptors: uses them all up, does things for the first time, and frees them again.
import * as fs from "node:fs";
import {
  createSubprocessExec,
  getRunningLoop,
  openConnection,
  run,
  sleep,
  startServer,
  timeout,
  toThread,
} from "../../mod.ts";
import * as lazy from "../../net/lazy.ts";
import { startCalls } from "../../subprocess/create_subprocess.ts";

const brought = [...Object.values(lazy), startCalls];

const firstUses: Record<string, () => Promise<void>> = {
  async server() {
    const server = await startServer((_reader, writer) => writer.close(), "127.0.0.1", 0);
    server.close();
    await server.waitClosed();
  },
  async datagrams() {
    const localAddr = { hostname: "127.0.0.1", port: 0 };
    const make = () => ({ datagramReceived() {} });
    const [transport] = await getRunningLoop().createDatagramEndpoint(make, { localAddr });
    transport.close();
  },
  async names() {
    await getRunningLoop().getaddrinfo("127.0.0.1", 80);
  },
  async child() {
    await (await createSubprocessExec("true")).wait();
  },
  async thread() {
    await toThread((x: number) => x + 1, 1);
  },
};

/** What each first use came to: "ok", or that it found no descriptor, or what else it met. */
async function useAll(): Promise<Record<string, string>> {
  const told: Record<string, string> = {};
  for (const [name, use] of Object.entries(firstUses)) {
    try {
      await timeout(20).with(use);
      told[name] = "ok";
    } catch (error) {
      told[name] = /EMFILE/.test(`${error} ${(error as { code?: string }).code}`)
        ? "EMFILE"
        : String(error);
    }
  }
  return told;
}

async function starved<T>(body: () => Promise<T>): Promise<T> {
  const hoard: number[] = [];
  try {
    for (;;) hoard.push(fs.openSync("/dev/null", "r"));
  } catch (error) {
    if ((error as { code?: string }).code !== "EMFILE") throw error;
  }
  try {
    return await body();
  } finally {
    for (const fd of hoard) fs.closeSync(fd);
  }
}

function badCallback(): void {
  getRunningLoop().callSoon(() => {
    throw new Error("to be printed with the lines of its source");
  });
}

const ways: Record<string, () => Promise<unknown>> = {
  /** Nothing was used before. */
  async "at once"() {
    const during = await starved(async () => {
      badCallback();
      await sleep(0);
      return await useAll();
    });
    return { during, after: await useAll() };
  },
  /** A server runs, and clients take what there is. */
  async "beside a server"() {
    const server = await startServer(
      async (reader, writer) => {
        writer.write(await reader.readline());
        writer.close();
      },
      "127.0.0.1",
      0,
    );
    const { port } = server.sockets[0]!.getsockname() as { port: number };
    // What is loaded along with it takes some turns of the loop, and what is ready then is not asked for again.
    while (!brought.every(({ loaded }) => loaded !== null)) await sleep(0.01);
    await sleep(0.5);
    const during = await starved(async () => {
      badCallback();
      const told = await useAll();
      badCallback();
      await sleep(0.1);
      return told;
    });
    const [reader, writer] = await openConnection("127.0.0.1", port);
    writer.write("hello\n");
    const echo = new TextDecoder().decode(await reader.read());
    writer.close();
    server.close();
    return { during, echo, after: await useAll() };
  },
};

console.log(JSON.stringify(await run(ways[process.argv[2]!]!)));
process.exit(0);
