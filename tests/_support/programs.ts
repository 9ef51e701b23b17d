/** Runs a TypeScript program of this checkout as a process of its own, on the runtime that runs the test. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ProgramOptions {
  args?: string[];
  /** Added to the test's own environment. */
  env?: Record<string, string>;
  cwd?: string;
  /** Written to the program's standard input, which then ends. */
  input?: string;
  /** Send a signal as soon as standard output holds a text: no test has to guess how long a program takes to start. */
  signalOn?: { text: string; signal: NodeJS.Signals };
  /** For `deno run`, before the program. */
  denoOptions?: string[];
  /** How many descriptors it may have open. */
  maxDescriptors?: number;
  /** Seconds after which the program is killed and the promise rejects. @default {60} */
  timeout?: number;
}

export interface ProgramResult {
  /** Exit code, or null if a signal ended it. */
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/**
 * The command line of a program. Write the program as `new URL("./name.ts", import.meta.url)`: where the tests run as
 * JavaScript, the string leads to the JavaScript file.
 */
export function programCommand(program: URL, ...args: string[]): [command: string, ...string[]] {
  return commandWith([], program, args);
}

function commandWith(
  denoOptions: string[],
  program: URL,
  args: string[],
): [command: string, ...string[]] {
  const path = fileURLToPath(program);
  const deno = ["run", "--quiet", "--allow-all", "--no-check", ...denoOptions];
  return [process.execPath, ..."Deno" in globalThis ? deno : [], path, ...args];
}

/** Runs a program to its end. Rejects only if it can't be started or takes longer than its time. */
export function runProgram(program: URL, options: ProgramOptions = {}): Promise<ProgramResult> {
  const {
    denoOptions = [],
    args = [],
    env = {},
    cwd,
    input = "",
    signalOn,
    timeout = 60,
    maxDescriptors,
  } = options;
  const line = commandWith(denoOptions, program, args);
  const limit = `ulimit -n ${maxDescriptors} && exec "$@"`;
  const [command, ...rest] = maxDescriptors === undefined
    ? line
    : ["sh", "-c", limit, "sh", ...line];
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      env: { ...process.env, NO_COLOR: "1", ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    let stdout = "";
    let stderr = "";
    let signalled = false;
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`${program} took over ${timeout} s\n${stdout}\n${stderr}`));
    }, timeout * 1000);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      if (signalOn === undefined || signalled || !stdout.includes(signalOn.text)) return;
      signalled = true;
      // Not child.kill(): after it, Deno takes the child for killed by the signal even if it handled it.
      if (child.pid !== undefined) process.kill(child.pid, signalOn.signal);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
    // A program that does not read its input may be gone before it is written: its own end tells the story.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}
