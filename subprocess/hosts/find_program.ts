import { OSError } from "../../runtime/errors/exceptions.ts";
import { missingPermission } from "../../runtime/errors/native_errors.ts";
import { builtin, theProcess } from "../../runtime/base/platform.ts";
import { type Culprit, descriptorError, posixCode, spawnError } from "./spawn_errors.ts";
import type { SpawnRequest } from "../core/host.ts";

/** Where the C library looks when the environment has no PATH. */
const DEFAULT_PATH = "/bin:/usr/bin";

/** The `check` of a host on Node and Bun: what `exec` would do, looked up in the file system. */
export function checkProgram(request: SpawnRequest): void {
  if (request.cwd !== null) {
    const code = accessCode(request.cwd, "directory");
    if (code !== null) throw spawnError(code, request, "cwd", null);
  }
  let worst = "ENOENT";
  for (const path of candidates(request)) {
    const code = accessCode(resolve(request.cwd, path), "program");
    if (code === null) return;
    if (code === "EACCES") worst = code;
  }
  throw spawnError(worst, request, "program", null);
}

/**
 * Where a program is found on a PATH whose entries are not all absolute: Bun passes over the empty one, which means the working
 * directory, searches the default directories when all of the PATH is empty, and takes others from the wrong directory when `cwd`
 * is relative. Null: Bun may look itself.
 *
 * @throws {FileNotFoundError} if no entry has the program
 * @throws {PermissionError} if it may not be executed
 */
export function findOnPath(request: SpawnRequest): string | null {
  const { program } = request;
  if (program === "" || program.includes("/")) return null;
  if (searchPath(request).split(":").every((directory) => directory.startsWith("/"))) return null;
  checkProgram(request);
  const runs = (path: string): boolean =>
    accessCode(resolve(request.cwd, path), "program") === null;
  return candidates(request).find(runs) ?? null;
}

/** What an error of Node's or Bun's spawn, with what it was that does not exist or may not be entered, which they leave out. */
export function explainSpawn(error: unknown, request: SpawnRequest): unknown {
  if (error instanceof OSError) return error;
  if ((error as { code?: unknown }).code === "ERR_ACCESS_DENIED") {
    const options = { code: "EACCES", syscall: "spawn", cause: error };
    const attempt = `start ${JSON.stringify(request.program)}`;
    return missingPermission(attempt, "--allow-child-process", options, "Node");
  }
  const code = posixCode(error);
  if (code === null) return descriptorError(error, request) ?? error;
  return spawnError(code, request, culprit(code, request), error);
}

function culprit(code: string, request: SpawnRequest): Culprit {
  if (request.cwd !== null && accessCode(request.cwd, "directory") === code) return "cwd";
  if (code !== "ENOENT") return "program";
  const found = candidates(request).some((path) => exists(resolve(request.cwd, path)));
  return found ? "interpreter" : "program";
}

function candidates(request: SpawnRequest): string[] {
  const { program } = request;
  if (program === "") return [];
  if (program.includes("/")) return [program];
  return searchPath(request).split(":").map((directory) => `${directory || "."}/${program}`);
}

function searchPath(request: SpawnRequest): string {
  return (request.env ?? theProcess().env)["PATH"] ?? DEFAULT_PATH;
}

function resolve(cwd: string | null, path: string): string {
  return cwd === null || path.startsWith("/") ? path : `${cwd}/${path}`;
}

/** null: it is what it should be and may be executed or entered. */
function accessCode(path: string, kind: "program" | "directory"): string | null {
  const { accessSync, constants, statSync } = builtin("node:fs");
  try {
    if (statSync(path).isDirectory() !== (kind === "directory")) {
      return kind === "directory" ? "ENOTDIR" : "EACCES";
    }
    accessSync(path, constants.X_OK);
    return null;
  } catch (error) {
    return posixCode(error) ?? "EACCES";
  }
}

function exists(path: string): boolean {
  return accessCode(path, "program") === null;
}
