/**
 * Programs that are asked to stop, as Kubernetes does it: after SIGTERM they take nothing new, finish what they have, and end
 * with 0. What is not finished after ten seconds is cancelled; a second signal cancels at once.
 *
 *     deno run -A examples/draining.ts http --port=8000
 *     deno run -A examples/draining.ts stream --port=8000
 *     deno run -A examples/draining.ts worker
 */
import { createServer } from "node:http";
import process from "node:process";
import * as asyncio from "../mod.ts";
import { numberOf, parse, portOf, UsageError } from "./_program.ts";

/** Waits until the program is asked to stop. */
async function stopAsked(): Promise<void> {
  await asyncio.withSignal(asyncio.shutdownSignal(), () => new asyncio.Event().wait())
    .catch((error) => {
      if (error !== asyncio.shutdownSignal().reason) throw error;
    });
  console.log("draining");
}

/** An HTTP server: no new connections, and each answer that has begun is given. */
async function serveHttp(port: number): Promise<void> {
  const answers = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answer = (async () => {
      await asyncio.sleep(Number(request.url!.slice(1)));
      response.end(`waited ${request.url!.slice(1)} s\n`);
    })();
    answers.add(answer);
    answer.finally(() => answers.delete(answer));
  });
  server.listen(port, "127.0.0.1", () => {
    console.log(`HTTP on port ${(server.address() as { port: number }).port}`);
  });
  await stopAsked();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  await asyncio.interruptible(Promise.allSettled(answers), {
    onCancel: () => server.closeAllConnections(),
  });
  server.closeIdleConnections();
  await asyncio.interruptible(closed, { onCancel: () => server.closeAllConnections() });
}

/** A stream server: no new connections; a client is served until it has said all it wanted. */
async function serveStreams(port: number): Promise<void> {
  const server = await asyncio.startServer(
    async (reader, writer) => {
      for await (const line of reader) {
        writer.write(line);
        await writer.drain();
      }
      writer.close();
    },
    "127.0.0.1",
    port,
  );
  console.log(`streams on port ${portOf(server)}`);
  try {
    await stopAsked();
    server.close();
    await server.waitClosed();
  } finally {
    server.close();
    server.abortClients();
  }
}

/** A worker: takes no more jobs, and finishes those it has begun. */
async function work(): Promise<void> {
  const jobs = new asyncio.Queue<number>();
  for (let job = 1; job <= 1000; job++) jobs.putNowait(job);
  let begun = 0;
  let done = 0;
  await new asyncio.TaskGroup().with(async (group) => {
    for (let worker = 0; worker < 3; worker++) {
      group.createTask(async () => {
        while (!asyncio.shutdownSignal().aborted) {
          await jobs.get();
          if (++begun === 3) console.log("at work");
          await asyncio.sleep(0.2);
          done++;
          jobs.taskDone();
        }
      });
    }
    await stopAsked();
  });
  console.log(done === begun ? "every job that was begun is done" : "a job was lost");
}

async function main(): Promise<void> {
  const { options, rest: [kind] } = parse(process.argv.slice(2), { port: "0" });
  const port = numberOf(options.port, "The port", 0, 65535);
  if (kind === "http") await serveHttp(port);
  else if (kind === "stream") await serveStreams(port);
  else if (kind === "worker") await work();
  else throw new UsageError("Say which one: http, stream or worker.");
  console.log("drained");
}

try {
  await asyncio.run(main, { stopSignals: ["SIGTERM", "SIGINT"], grace: 10 });
} catch (error) {
  if (error instanceof asyncio.KeyboardInterrupt) {
    console.error(`Cancelled by ${error.signal}.`);
    process.exitCode = 130;
  } else if (error instanceof UsageError) {
    console.error(error.message);
    process.exitCode = 2;
  } else throw error;
}
