import {
  anything,
  flag,
  type OptionsOf,
  optionsOf,
  plainNumber,
  untold,
} from "../../runtime/base/options.ts";
import type { SubprocessOptions } from "../../runtime/contract/subprocesses.ts";

export type { SubprocessOptions } from "../../runtime/contract/subprocesses.ts";

/** `stdin: PIPE` connects the stream to the program: `process.stdin`, `process.stdout`, `process.stderr`. */
export const PIPE = "pipe" as const;
/** `stdout: DEVNULL` drops what is written; `stdin: DEVNULL` is empty from the start. */
export const DEVNULL = "null" as const;
/** `stderr: STDOUT` sends errors where the output goes, in the order in which they are written. */
export const STDOUT = "stdout" as const;

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
