/** Drives an example that keeps running: waits for what it prints, then ends it. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openConnection, run, timeout } from "../../mod.ts";
import type { StreamReader, StreamWriter } from "../../mod.ts";
import { programCommand } from "./programs.ts";
import type { ProgramResult } from "./programs.ts";

/** Seconds that anything an example does may take on a loaded machine. */
const PATIENCE = 30;

export interface Example {
  /** The first match in standard output, now or later. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** The same in standard error. */
  warns(pattern: RegExp): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Whether the body has sent one already. */
  readonly signalled: boolean;
  /** How it ended, once it has. */
  readonly ended: Promise<ProgramResult>;
}

class RunningExample implements Example {
  readonly #pid: number;
  readonly ended: Promise<ProgramResult>;
  #result: ProgramResult = { code: null, signal: null, stdout: "", stderr: "" };
  #over = false;
  signalled = false;
  #news: (() => void)[] = [];

  constructor(program: URL, args: string[]) {
    const [command, ...rest] = programCommand(program, ...args);
    const child = spawn(command, rest, { stdio: ["ignore", "pipe", "pipe"] });
    this.#pid = child.pid!;
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        this.#result[name] += text;
        this.#tell();
      });
    }
    this.ended = new Promise((resolve) => {
      child.once("close", (code, signal) => {
        this.#over = true;
        this.#result = { ...this.#result, code, signal };
        this.#tell();
        resolve(this.#result);
      });
    });
  }

  says(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find("stdout", pattern);
  }

  warns(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#find("stderr", pattern);
  }

  signal(signal: NodeJS.Signals): void {
    this.signalled = true;
    // Not child.kill(): after it, Deno takes the child for killed by the signal even if it handled it.
    if (!this.#over) process.kill(this.#pid, signal);
  }

  async #find(name: "stdout" | "stderr", pattern: RegExp): Promise<RegExpExecArray> {
    const until = performance.now() + PATIENCE * 1000;
    while (true) {
      const match = pattern.exec(this.#result[name]);
      if (match !== null) return match;
      if (this.#over || performance.now() > until) {
        const { stdout, stderr, code } = this.#result;
        throw new Error(`no ${pattern} in ${name}; ended: ${code}\n${stdout}\n${stderr}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#news.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #tell(): void {
    for (const tell of this.#news.splice(0)) tell();
  }
}

/** Runs an example while the body does, and tells how it ended. A body that does not end it has it killed. */
export async function withExample(
  program: URL,
  args: string[],
  body: (example: Example) => Promise<void>,
): Promise<ProgramResult> {
  const example = new RunningExample(program, args);
  const timer = setTimeout(() => example.signal("SIGKILL"), 2 * PATIENCE * 1000);
  try {
    await body(example);
    return await example.ended;
  } finally {
    clearTimeout(timer);
    example.signal("SIGKILL");
    await example.ended;
  }
}

/** A client of an example that speaks in lines. */
export interface LineClient {
  reader: StreamReader;
  writer: StreamWriter;
  send(line: string): void;
  /** The next line that contains the text; those before it are dropped. */
  hears(text: string): Promise<string>;
}

/** Runs a body with connections to an example, with a limit of time for all it does. */
export function asClients(
  port: number,
  count: number,
  body: (clients: LineClient[]) => Promise<void>,
): Promise<void> {
  return run(() =>
    timeout(PATIENCE).with(async () => {
      const clients: LineClient[] = [];
      try {
        for (let i = 0; i < count; i++) clients.push(await connect(port));
        await body(clients);
      } finally {
        for (const { writer } of clients) writer.close();
      }
    })
  );
}

async function connect(port: number): Promise<LineClient> {
  const [reader, writer] = await openConnection("127.0.0.1", port);
  return {
    reader,
    writer,
    send: (line) => writer.write(`${line}\n`),
    async hears(text) {
      const before: string[] = [];
      for await (const bytes of reader) {
        const line = new TextDecoder().decode(bytes).trimEnd();
        if (line.includes(text)) return line;
        before.push(line);
      }
      throw new Error(`the connection ended before "${text}", after: ${before.join(" / ")}`);
    },
  };
}

/** A folder for a body's files, which is gone afterwards. */
export async function inFolder<R>(body: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), "asyncio-example-"));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
