/**
 * Runs five of the library's paths on Node and counts, by V8's precise coverage, in how many files and by how many calls
 * each is walked. Each path is walked twice before, so that what is loaded and compiled at the first use does not count.
 * Started by scripts/count_paths.ts; prints JSON.
 */
import { Session } from "node:inspector";
import { connect } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  createSubprocessExec,
  createTask,
  Future,
  type NetAddress,
  PIPE,
  run,
  sleep,
  startServer,
  type StreamReader,
  toThread,
} from "../mod.ts";

interface FunctionCoverage {
  functionName: string;
  ranges: { startOffset: number; count: number }[];
}

interface ScriptCoverage {
  url: string;
  functions: FunctionCoverage[];
}

interface Walk {
  path: string;
  files: Record<string, number>;
}

const root = new URL("../", import.meta.url).href;
const session = new Session();
session.connect();

function post<T>(method: string, params: object = {}): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  session.post(method, params, (error, result) => error ? reject(error) : resolve(result as T));
  return promise;
}

/** Calls of each file of the library since the last time it was asked. */
async function takeCalls(): Promise<Record<string, number>> {
  const { result } = await post<{ result: ScriptCoverage[] }>("Profiler.takePreciseCoverage");
  const files: Record<string, number> = {};
  for (const { url, functions } of result) {
    if (!url.startsWith(root) || url.includes("/scripts/")) continue;
    // The nameless function at offset 0 is the module itself.
    const calls = functions.filter(({ ranges }) => ranges[0]!.startOffset > 0)
      .reduce((sum, { ranges }) => sum + ranges[0]!.count, 0);
    if (calls > 0) files[fileURLToPath(url).slice(fileURLToPath(root).length)] = calls;
  }
  return files;
}

/** Node's own time, in which the library does nothing but what it was left to do. */
function rest(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** `prepare` is not counted, and gives what is. */
async function walk(
  path: string,
  prepare: () => Promise<() => Promise<unknown>>,
): Promise<Walk> {
  for (let times = 0; times < 2; times++) {
    await (await prepare())();
    await rest(100);
  }
  const counted = await prepare();
  await rest(50);
  await takeCalls();
  await counted();
  await rest(100);
  return { path, files: await takeCalls() };
}

async function main(): Promise<void> {
  const walks: Walk[] = [];
  const accepted = new Future<StreamReader>();
  const server = await startServer(
    (theirs) => {
      accepted.setResult(theirs);
      // A handler that ended would have its connection looked after.
      return new Future<void>();
    },
    "127.0.0.1",
    0,
  );
  const peer = connect((server.sockets[0]!.getsockname() as NetAddress).port);
  peer.write("hello\n");
  const reader = await accepted;
  await reader.readline();
  walks.push(
    await walk("a byte from the socket to readline()", async () => {
      const line = reader.readline();
      await rest(20);
      return () => {
        peer.write("line\n");
        return line;
      };
    }),
    await walk("task.cancel() to the catch of a sleep", async () => {
      const task = createTask(() => sleep(3600).catch(() => {}));
      await sleep(0);
      return async () => void task.cancel();
    }),
    await walk("createTask() to its done callback", async () => async () => {
      const done = Promise.withResolvers<unknown>();
      createTask(async () => {}).addDoneCallback(done.resolve);
      await done.promise;
    }),
    await walk("toThread() there and back", async () => () => toThread((x: number) => x + 1, 1)),
    await walk(
      "createSubprocessExec() until the child runs",
      async () => () => createSubprocessExec("true"),
    ),
    await walk("communicate()", async () => {
      const child = await createSubprocessExec("cat", [], { stdin: PIPE, stdout: PIPE });
      await rest(50);
      return () => child.communicate("hello");
    }),
  );
  console.log(JSON.stringify(walks));
}

await post("Profiler.enable");
await post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
await run(main);
process.exit(0);
