/**
 * Finds the open ports of a host, so many at a time.
 *
 *     deno run -A examples/port_scanner.ts 127.0.0.1 1-1024 --at-once=200 --timeout=0.5
 */
import * as asyncio from "../mod.ts";
import { numberOf, parse, program, Progress, UsageError } from "./_program.ts";

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { "at-once": "100", timeout: "1" });
  const [host, range = "1-1024"] = rest;
  if (host === undefined) throw new UsageError("Which host?");
  const [first, last = first] = range.split("-").map((port) => numberOf(port, "A port", 1, 65535));
  if (last! < first!) throw new UsageError(`${range} is no range of ports.`);
  const atOnce = numberOf(options["at-once"], "--at-once", 1, 10_000);
  const seconds = numberOf(options.timeout, "--timeout", 0.001, 3600);

  // Resolved once, so that a wrong name is told at once and not for each port.
  const loop = asyncio.getRunningLoop();
  const [found] = await loop.getaddrinfo(host, null, { type: asyncio.SOCK_STREAM });
  const address = found!.address.hostname;

  const started = loop.time();
  const open = await scan(address, first!, last!, atOnce, seconds);
  for (const port of open) console.log(`${host}:${port} is open`);
  const took = (loop.time() - started).toFixed(1);
  console.log(`${open.length} of ${last! - first! + 1} ports are open (${took} s)`);
}

/** As many workers as there may be attempts at a time, which take their ports from one iterator. */
async function scan(
  address: string,
  first: number,
  last: number,
  atOnce: number,
  seconds: number,
): Promise<number[]> {
  const ports = range(first, last);
  const open: number[] = [];
  const progress = new Progress(last - first + 1);
  await new asyncio.TaskGroup().with((group) => {
    for (let i = 0; i < Math.min(atOnce, last - first + 1); i++) {
      group.createTask(async () => {
        for (const port of ports) {
          if (await isOpen(address, port, seconds)) open.push(port);
          progress.advance(1, `port ${port}, ${open.length} open`);
        }
      });
    }
  });
  return open.sort((a, b) => a - b);
}

function* range(first: number, last: number): Generator<number> {
  for (let port = first; port <= last; port++) yield port;
}

async function isOpen(address: string, port: number, seconds: number): Promise<boolean> {
  try {
    const [, writer] = await asyncio.timeout(seconds)
      .with(() => asyncio.openConnection(address, port));
    writer.transport.abort(); // no farewell: nothing was said
    return true;
  } catch (error) {
    // Refused, unreachable or silent: not open.
    if (error instanceof asyncio.OSError || error instanceof asyncio.TimeoutError) return false;
    throw error;
  }
}

await program("port_scanner.ts HOST [FIRST-LAST] [--at-once=100] [--timeout=1]", main);
