import { describeType } from "./format.ts";
import { operatingSystem } from "./platform.ts";

/** The name of a signal of this platform: "SIGTERM", and on Linux also "SIGRTMIN+1" and the like. */
export type Signal =
  | "SIGHUP"
  | "SIGINT"
  | "SIGQUIT"
  | "SIGKILL"
  | "SIGUSR1"
  | "SIGUSR2"
  | "SIGTERM"
  | "SIGCONT"
  | "SIGSTOP"
  | "SIGALRM"
  | "SIGCHLD"
  | "SIGPIPE"
  | "SIGWINCH"
  | (string & Record<never, never>);

/**
 * Names and numbers of signals, per platform. A table of our own, because the runtimes disagree: Bun takes any name in silence, Deno
 * and Node know different sets, and none of them knows the real-time signals by name.
 */
const LINUX: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGIOT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPOLL: 29,
  SIGPWR: 30,
  SIGSYS: 31,
};

const BSD: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGIOT: 6,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGBUS: 10,
  SIGSEGV: 11,
  SIGSYS: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGURG: 16,
  SIGSTOP: 17,
  SIGTSTP: 18,
  SIGCONT: 19,
  SIGCHLD: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGIO: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGINFO: 29,
  SIGUSR1: 30,
  SIGUSR2: 31,
};

/** The C library keeps the two below 34 for itself. */
const REAL_TIME_FIRST = 34;
const REAL_TIME_LAST = 64;

function table(): Readonly<Record<string, number>> {
  const system = operatingSystem();
  return system === "linux" || system === "android" ? LINUX : BSD;
}

function realTimeNumber(name: string): number | null {
  const match = /^SIGRT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (match === null || table() !== LINUX) return null;
  const number = name.startsWith("SIGRTMIN")
    ? REAL_TIME_FIRST + Number(match[1] ?? 0)
    : REAL_TIME_LAST - Number(match[2] ?? 0);
  return number >= REAL_TIME_FIRST && number <= REAL_TIME_LAST ? number : null;
}

/**
 * The number of a signal on this platform.
 *
 * @throws {TypeError} if it is not a string
 * @throws {RangeError} if the platform has no such signal
 */
export function signalNumber(signal: unknown): number {
  if (typeof signal !== "string") {
    throw new TypeError(
      `Cannot find the signal: its name must be a string, received ${describeType(signal)}, ${
        String(signal)
      }; write "SIGTERM" or the like`,
    );
  }
  const names = table();
  const number = Object.hasOwn(names, signal) ? names[signal]! : realTimeNumber(signal);
  if (number !== null) return number;
  const upper = `SIG${signal.toUpperCase().replace(/^SIG/, "")}`;
  const known = Object.hasOwn(names, upper) || realTimeNumber(upper) !== null;
  throw new RangeError(
    `Cannot find the signal "${signal}": ${
      known
        ? `did you mean "${upper}"?`
        : `this platform has no such signal; names are those of signal(7), as in "SIGTERM" or "SIGRTMIN+1"`
    }`,
  );
}

/** The usual name of a signal's number; "SIGRTMIN+3" for real-time ones, the bare number for an unknown one. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(table())) if (value === number) return name;
  if (table() !== LINUX || number < REAL_TIME_FIRST || number > REAL_TIME_LAST) {
    return String(number);
  }
  return number === REAL_TIME_FIRST ? "SIGRTMIN" : `SIGRTMIN+${number - REAL_TIME_FIRST}`;
}
