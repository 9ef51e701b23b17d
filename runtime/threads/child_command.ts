import { builtin, bunNamespace, denoNamespace, isGranted, theProcess } from "../base/platform.ts";
import { RuntimeError } from "../errors/exceptions.ts";

/** How a child of this runtime is started. */
export interface ChildCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The child gets its program as the first message: a command line is no place for it. */
const START = 'process.once("message", (program) => (0, eval)(program));';
/** Makes an executable that Bun compiled behave as Bun itself. The work does not see it, nor what the work starts. */
const BE_BUN = "BUN_BE_BUN";

/**
 * The command that starts this runtime as a child, which waits for its program.
 *
 * In a program that was compiled into one executable the runtime's path is that of the program: started with whatever
 * arguments, it would run from the beginning, make its pool and start itself again, without an end. Bun alone can be told
 * to be the runtime.
 *
 * @throws {RuntimeError} when this process is such a program
 */
export function childCommand(): ChildCommand {
  const { execPath: command, execArgv, env } = theProcess();
  if (denoNamespace !== undefined) {
    if (denoNamespace.build.standalone === true) throw compiled();
    const script = `data:text/javascript,${encodeURIComponent(START)}`;
    return { command, args: ["run", "--no-prompt", ...granted(), script], env };
  }
  if (bunNamespace !== undefined) {
    const { main } = bunNamespace as { readonly main: string | undefined };
    // One that was told and still runs the program is of a Bun that does not know how.
    if (isInBunExecutable(main) && env[BE_BUN] === "1") throw compiled();
    const start = `delete process.env.${BE_BUN};${START}`;
    return { command, args: ["-e", start], env: { ...env, [BE_BUN]: "1" } };
  }
  if (builtin("node:sea")?.isSea() === true) throw compiled();
  return { command, args: [...inherited(execArgv), "-e", START], env };
}

function compiled(): RuntimeError {
  return new RuntimeError(
    "this program was compiled into one executable, which can start no other process of its runtime: " +
      "use a ThreadPoolExecutor",
  );
}

/** What is embedded lies under "/$bunfs/", on Windows under "B:\~BUN\". */
function isInBunExecutable(main: string | undefined): boolean {
  return main !== undefined && /^(\/\$bunfs\/|[A-Z]:[\\/]~BUN[\\/])/.test(main);
}

/** A child may do what this process may do without limits; a permission limited to some paths or hosts can't be read. */
function granted(): string[] {
  const names = ["read", "write", "net", "env", "run", "sys", "ffi", "import"];
  return names.filter((name) => isGranted({ name })).map((name) => `--allow-${name}`);
}

/** Node's own options, without those that say what to run or that would run or debug it a second time. */
function inherited(options: readonly string[]): string[] {
  const kept: string[] = [];
  for (let index = 0; index < options.length; index++) {
    const option = options[index]!;
    if (/^(-e|-p|-pe|--eval|--print)$/.test(option)) index++;
    else if (!/^--(test|watch|inspect|input-type)/.test(option)) kept.push(option);
  }
  return kept;
}
