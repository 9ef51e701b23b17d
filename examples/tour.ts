/**
 * The tour: a line-based server, a dozen clients, a queue, a subprocess per file, a timeout and a group that fails.
 *
 *     deno task start
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import * as asyncio from "../mod.ts";

const CLIENTS = 12;
const WORKERS = 4;

/** One file to be looked at, and the future its answer goes to. */
interface Job {
  path: string;
  answer: asyncio.Future<string>;
}

async function main(): Promise<void> {
  const started = performance.now();
  const files = await sourceFiles();
  say(
    `Counting the lines of ${files.length} files: ${CLIENTS} clients, one server, ${WORKERS} workers`,
  );
  const lines = await countLines(files);
  say(`  ${files.length} files have ${lines} lines, says wc`);
  await stopInTime();
  await failTogether();
  say(`Done in ${((performance.now() - started) / 1000).toFixed(2)} s; nothing is left running.`);
}

/** Clients ask a server, the server asks the workers through a queue, each worker asks a subprocess. */
async function countLines(files: string[]): Promise<number> {
  const jobs = new asyncio.Queue<Job>(2 * WORKERS);
  const totals: number[] = [];
  let answered = 0;

  const server = await asyncio.startServer(
    (reader, writer) => serve(reader, writer, jobs),
    "127.0.0.1",
    0,
  );
  const [socket] = server.sockets;
  const { port } = socket!.getsockname() as asyncio.NetAddress;

  await server.with(async () => {
    try {
      await new asyncio.TaskGroup().with(async (group) => {
        const workers = Array.from({ length: WORKERS }, () => group.createTask(() => work(jobs)));
        await new asyncio.TaskGroup().with((clients) => {
          for (let i = 0; i < CLIENTS; i++) {
            clients.createTask(async () => {
              const mine = files.filter((_, index) => index % CLIENTS === i);
              for await (const count of ask(port, mine)) {
                totals.push(count);
                progress(++answered, files.length);
              }
            });
          }
        });
        for (const worker of workers) worker.cancel();
      });
    } finally {
      // After Ctrl-C some connections still wait for workers that are gone.
      server.closeClients();
    }
  });
  return totals.reduce((sum, count) => sum + count, 0);
}

/** One connection: a path a line comes in, a number a line goes out. */
async function serve(
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
  jobs: asyncio.Queue<Job>,
): Promise<void> {
  try {
    for await (const line of reader) {
      const job = { path: text(line).trimEnd(), answer: new asyncio.Future<string>() };
      await jobs.put(job);
      writer.write(`${await job.answer}\n`);
      await writer.drain();
    }
  } catch (error) {
    if (!(error instanceof asyncio.ConnectionError)) throw error; // a client that vanished
  } finally {
    writer.close();
  }
}

/** Takes jobs until it is cancelled. */
async function work(jobs: asyncio.Queue<Job>): Promise<never> {
  while (true) {
    const { path, answer } = await jobs.get();
    const wc = await asyncio.createSubprocessExec("wc", ["-l", path], { stdout: asyncio.PIPE });
    const [output] = await wc.communicate();
    answer.setResult(text(output!).trim().split(" ")[0]!);
    jobs.taskDone();
  }
}

/** A client: sends paths, yields numbers. */
async function* ask(port: number, paths: string[]): AsyncGenerator<number> {
  const [reader, writer] = await asyncio.openConnection("127.0.0.1", port);
  try {
    for (const path of paths) {
      writer.write(`${path}\n`);
      await writer.drain();
      yield Number(text(await reader.readline()));
    }
  } finally {
    writer.close();
    await writer.waitClosed();
  }
}

/** A deadline interrupts the wait, the cleanup runs, and only then the TimeoutError arrives. */
async function stopInTime(): Promise<void> {
  say("A child that would sleep for a minute gets 50 ms:");
  try {
    await asyncio.timeout({ milliseconds: 50 }).with(async () => {
      const child = await asyncio.createSubprocessExec("sleep", ["60"]);
      try {
        await child.wait();
      } finally {
        if (child.returncode === null) child.kill();
        say(`  cleaned up: the child ended with ${await child.wait()}`);
      }
    });
  } catch (error) {
    if (!(error instanceof asyncio.TimeoutError)) throw error;
    say("  TimeoutError");
  }
}

/** The first failure cancels the rest; every error is reported. */
async function failTogether(): Promise<void> {
  say("Three tasks, of which two fail:");
  try {
    await new asyncio.TaskGroup().with((group) => {
      group.createTask(async () => {
        await asyncio.sleep(0.01);
        throw new Error("the disk is full");
      });
      group.createTask(async () => {
        try {
          await asyncio.sleep(60);
        } catch (error) {
          throw new Error("could not even say goodbye", { cause: error });
        }
      });
      group.createTask(async () => {
        try {
          await asyncio.sleep(60);
        } finally {
          say("  the third was cancelled, and cleaned up");
        }
      });
    });
  } catch (error) {
    if (!(error instanceof asyncio.ExceptionGroup)) throw error;
    for (const leaf of error.leaves()) say(`  ${leaf}`);
  }
}

/** The library's own sources, or whatever stands in this folder. */
async function sourceFiles(): Promise<string[]> {
  const entries = await readdir(".", { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile() && /\.(ts|js|md|json)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !/node_modules|\.git\/|\.cache|dist\//.test(path));
  return paths.sort().slice(0, 120);
}

const decoder = new TextDecoder();
function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

function say(line: string): void {
  console.log(line);
}

function progress(done: number, all: number): void {
  if (process.stdout.isTTY) process.stdout.write(`\r  ${done}/${all}${done === all ? "\n" : ""}`);
  else if (done % 40 === 0 || done === all) say(`  ${done}/${all}`);
}

try {
  await asyncio.run(main);
} catch (error) {
  if (!(error instanceof asyncio.KeyboardInterrupt)) throw error;
  console.error("\nInterrupted: every task was cancelled and has cleaned up.");
  process.exitCode = 130;
}
