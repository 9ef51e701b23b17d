import {
  anything,
  flag,
  type OptionsOf,
  optionsOf,
  plainNumber,
  untold,
} from "../../runtime/base/options.ts";

/** `stdin: PIPE` connects the stream to the program: `process.stdin`, `process.stdout`, `process.stderr`. */
export const PIPE = "pipe" as const;
/** `stdout: DEVNULL` drops what is written; `stdin: DEVNULL` is empty from the start. */
export const DEVNULL = "null" as const;
/** `stderr: STDOUT` sends errors where the output goes, in the order in which they are written. */
export const STDOUT = "stdout" as const;

/**
 * How to start a child process.
 *
 * A stream can also lead to what this process has open: a file descriptor, or an object that has one as its `fd`, as `open` of
 * `node:fs/promises` gives. The child gets a copy, so it may be closed here once the child has started; until then it must stay
 * open. What is read and written moves one position in the file for both sides. `Deno.open` tells no descriptor.
 */
export interface SubprocessOptions {
  /**
   * Standard input: a pipe, nothing, an open file, or null for our own.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stdin?: typeof PIPE | typeof DEVNULL | number | { readonly fd: number } | null;
  /**
   * Standard output: a pipe, nowhere, an open file, or null for our own.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stdout?: typeof PIPE | typeof DEVNULL | number | { readonly fd: number } | null;
  /**
   * Standard error: a pipe, nowhere, an open file, null for our own, or STDOUT for wherever stdout goes. With `stdout: PIPE`, STDOUT
   * starts the program through `/bin/sh`, as no runtime can join two streams; on Deno `sh` must then be allowed to run.
   * @default {null, but PIPE in loop.subprocessExec and loop.subprocessShell}
   */
  stderr?: typeof PIPE | typeof DEVNULL | typeof STDOUT | number | { readonly fd: number } | null;
  /**
   * The longest line that `stdout.readline()` accepts, in bytes; the child is held back when twice as much waits to be read.
   * @default {65536}
   */
  limit?: number;
  /**
   * Directory to run in: a path or a file URL.
   * @default {our own}
   */
  cwd?: string | URL;
  /**
   * The whole environment; nothing is inherited beside it.
   * @default {our own}
   */
  env?: Record<string, string>;
  /**
   * User to run as, by name or number. Names are those of `/etc/passwd`, which Deno must be allowed to read.
   * @default {our own}
   */
  user?: string | number;
  /**
   * Group to run as, by name or number. Names are those of `/etc/group`, which Deno must be allowed to read.
   * @default {our own}
   */
  group?: string | number;
  /**
   * User to run as, by number.
   * @default {our own}
   */
  uid?: number;
  /**
   * Group to run as, by number.
   * @default {our own}
   */
  gid?: number;
  /**
   * Run in a session and process group of its own: signals of the terminal (Ctrl-C) don't reach it, and `terminateProcess` ends
   * whatever it has started, too.
   * @default {false}
   */
  startNewSession?: boolean;
}

/** What asyncio takes and refuses, since its streams are bytes; or says by the name of the function. */
export interface RefusedOptions {
  text?: unknown;
  universalNewlines?: unknown;
  encoding?: unknown;
  errors?: unknown;
  bufsize?: unknown;
  shell?: unknown;
}

const BYTES = "streams are bytes, decode them with new TextDecoder()";

/** What is checked of {@linkcode SubprocessOptions}; `anything()` is what has texts of its own. */
export const subprocessOptions: OptionsOf<SubprocessOptions & RefusedOptions> = optionsOf(
  "{ stdout: PIPE }",
  {
    stdin: anything(),
    stdout: anything(),
    stderr: anything(),
    limit: plainNumber,
    cwd: anything(),
    env: anything(),
    user: anything(),
    group: anything(),
    uid: anything(),
    gid: anything(),
    startNewSession: flag,
    text: untold,
    universalNewlines: untold,
    encoding: untold,
    errors: untold,
    bufsize: untold,
    shell: untold,
  },
  {
    universalNewlines: BYTES,
    args: 'they come before the options, as in createSubprocessExec("ls", ["-l"], options)',
    extraGroups: "no runtime can set them",
    umask: "no runtime can set it; start sh -c 'umask 077; exec ...'",
    preexecFn: "no code of ours can run in the child before the program does",
    closeFds: "descriptors above 2 are closed always",
    passFds: "no runtime can pass more than stdin, stdout and stderr",
    restoreSignals: "the runtime does what it does",
    processGroup: "write startNewSession: true",
    detached: "write startNewSession: true",
    creationflags: "they are of Windows",
    startupinfo: "it is of Windows",
    stdio: "write stdin, stdout and stderr",
    input: "write process.communicate(input)",
    timeout: "put what waits for the process into timeout(5).with(...)",
    signal: "put what waits for the process into withSignal(signal, ...)",
    killSignal: "write terminateProcess(process)",
    executable: "write the program's path as the first argument",
  },
);
