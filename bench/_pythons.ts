/** Finds Pythons to compare with: CPython 3.13, and any Python that has uvloop or trio. */

export interface Python {
  path: string;
  version: string;
  /** Versions of the packages that were asked for and are there. */
  packages: Record<string, string>;
}

const probe = `
import importlib, json, platform, sys
packages = {}
for name in ("uvloop", "trio"):
    try:
        packages[name] = importlib.import_module(name).__version__
    except ImportError:
        pass
print(json.dumps({"path": sys.executable, "version": platform.python_version(), "packages": packages}))
`;

/** The Pythons at hand, each once: `PYTHON` from the environment, those on the PATH, pyenv's. */
export async function findPythons(): Promise<Python[]> {
  const commands: [command: string, env: Record<string, string>][] = [];
  const chosen = Deno.env.get("PYTHON");
  if (chosen !== undefined) commands.push([chosen, {}]);
  for (const name of ["python3.13", "python3", "/usr/bin/python3"]) commands.push([name, {}]);
  // A version that pyenv has, but that is not the one in use, answers only when it is named.
  commands.push(["python3.13", { PYENV_VERSION: "3.13" }]);
  const found = new Map<string, Python>();
  for (const [command, env] of commands) {
    const python = await ask(command, env);
    if (python !== null) found.set(python.path, python);
  }
  return [...found.values()];
}

async function ask(command: string, env: Record<string, string>): Promise<Python | null> {
  try {
    const options: Deno.CommandOptions = { args: ["-c", probe], env, stderr: "null" };
    const { success, stdout } = await new Deno.Command(command, options).output();
    return success ? JSON.parse(new TextDecoder().decode(stdout)) : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
