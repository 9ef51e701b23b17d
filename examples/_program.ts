/** What all examples share: how they start, and how they end. */
import process from "node:process";
import * as asyncio from "../mod.ts";

/** Wrong arguments: the program says what is wrong and how it is called, and ends with 2. */
export class UsageError extends Error {}

/** Runs a program. Ctrl-C ends it with 130 once everything has been cleaned up; trouble with the system with 1. */
export async function program(
  usage: string,
  main: (args: string[]) => Promise<void>,
): Promise<void> {
  try {
    await asyncio.run(() => main(process.argv.slice(2)));
  } catch (error) {
    if (error instanceof asyncio.KeyboardInterrupt) {
      console.error("\nInterrupted: everything has been cleaned up.");
      process.exitCode = 130;
    } else if (error instanceof UsageError) {
      console.error(`${error.message}\n\nUsage: ${usage}`);
      process.exitCode = 2;
    } else if (error instanceof asyncio.OSError || error instanceof asyncio.TimeoutError) {
      console.error(error.message);
      process.exitCode = 1;
    } else throw error;
  }
}

/** Arguments apart: `--name=value` options, of which only those in `known` may occur, and the rest. */
export function parse<K extends string>(
  args: string[],
  known: Record<K, string>,
): { options: Record<K, string>; rest: string[] } {
  const options = { ...known };
  const rest: string[] = [];
  for (const arg of args) {
    const [, name, value = ""] = /^--([^=]+)=?(.*)$/.exec(arg) ?? [];
    if (name === undefined) rest.push(arg);
    else if (name in known) options[name as K] = value;
    else throw new UsageError(`There is no option --${name}.`);
  }
  return { options, rest };
}

/** A number between two bounds, from the command line. */
export function numberOf(text: string, what: string, least: number, most: number): number {
  const number = Number(text);
  if (text.trim() === "" || !(number >= least && number <= most)) {
    throw new UsageError(`${what} must be between ${least} and ${most}, not "${text}".`);
  }
  return number;
}

/** `host:port`, from the command line. */
export function addressOf(text: string): { host: string; port: number } {
  const [, host = "", port = ""] = /^\[?(.+?)\]?:(\d+)$/.exec(text) ?? [];
  if (host === "") throw new UsageError(`An address is HOST:PORT, not "${text}".`);
  return { host, port: numberOf(port, "The port", 1, 65535) };
}

/** The port a server listens on. */
export function portOf(server: asyncio.Server): number {
  return (server.sockets[0]!.getsockname() as asyncio.NetAddress).port;
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** How far it is: one line that moves on a terminal, a line now and then elsewhere. On standard error. */
export class Progress {
  readonly #all: number;
  #done = 0;
  #shown = -1;

  constructor(all: number) {
    this.#all = all;
  }

  advance(by: number, note = ""): void {
    this.#done += by;
    const part = this.#done / this.#all;
    const percent = `${Math.floor(part * 100)} %`.padStart(5);
    if (process.stderr.isTTY) {
      const bar = "#".repeat(Math.floor(part * 30)).padEnd(30, "·");
      process.stderr.write(`\r${bar} ${percent} ${note}${part >= 1 ? "\n" : ""}`);
    } else if (part >= this.#shown + 0.25 || (part >= 1 && this.#shown < 1)) {
      this.#shown = part;
      console.error(`${percent} ${note}`.trimEnd());
    }
  }
}
