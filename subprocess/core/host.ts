/**
 * What subprocesses need of a runtime: to start a program with its three streams, to be notified of its end, and to send it a signal.
 *
 * A host knows no loop, no task and no protocol. These rules hold for every implementation:
 *
 * - **Streams are the net's raw pipes** (`net/core/host.ts`) and keep its rules: nothing calls back from inside the call that asked for
 *   it, no byte is lost, a reader that stops really holds the child back.
 * - **The end of the process and the end of its streams are separate events**, in any order: a child may close its streams early,
 *   and a grandchild may hold them open after the child's death.
 * - **What a child wrote can be read after its end**, however late.
 * - **Errors are `OSError`s** with POSIX codes and a text that says what to do. A failed spawn leaves nothing open.
 *
 * @module
 */
import type { RawReadable, RawWritable } from "../../net/core/host.ts";

/** Where one of the child's streams leads to: a pipe to us, nowhere, where ours leads to, or to what this descriptor stands for. */
export type StreamUse = "pipe" | "null" | "inherit" | number;

/** What to start. Everything in it has been checked. */
export interface SpawnRequest {
  /** A path, or a name to be looked up on the PATH that the child gets. */
  readonly program: string;
  readonly args: readonly string[];
  readonly stdin: StreamUse;
  readonly stdout: StreamUse;
  readonly stderr: StreamUse;
  /** null: ours. */
  readonly cwd: string | null;
  /** The whole environment; null: ours. */
  readonly env: Readonly<Record<string, string>> | null;
  readonly uid: number | null;
  readonly gid: number | null;
  /** Make the child the leader of a session and process group of its own (setsid). */
  readonly newSession: boolean;
}

/** A started child. It holds the process until it has ended, unless `unref()` was called. */
export interface RawChild {
  readonly pid: number;
  /** null: not piped; the same for the others. */
  readonly stdin: RawWritable | null;
  readonly stdout: RawReadable | null;
  readonly stderr: RawReadable | null;
  /** The runtime's own object. */
  readonly native: unknown;
  /**
   * Calls back when the child has ended and was reaped: with its exit code, or -N when signal N ended it. The call comes once,
   * later than this one, also when the end came before.
   */
  onExit(callback: (returncode: number) => void): void;
  /**
   * Sends a signal. To be called only before the callback of `onExit` was called, as afterwards the number may be another process's.
   *
   * @throws {ProcessLookupError} if it has just ended
   * @throws {PermissionError} if it runs as another user, or the runtime was not given the permission
   */
  kill(signal: number): void;
  /**
   * Sends a signal to the process group that the child leads (`newSession`); works as long as it has members.
   *
   * @throws {ProcessLookupError} if the group is empty
   * @throws {PermissionError} as for `kill`
   */
  killGroup(signal: number): void;
  /** Let the process exit although the child runs. */
  unref(): void;
}

/** What a runtime gives. */
export interface SubprocessHost {
  /**
   * Starts a program.
   *
   * Rejects with FileNotFoundError when there is no such program or directory, PermissionError when it may not be executed or the
   * runtime was not given the permission, OSError "EBADF" for a descriptor that is not open, "ENOTDIR", "E2BIG", "EAGAIN" and the
   * like, NotImplementedError for a descriptor that the runtime won't give to that stream. Descriptors are copied before this returns.
   */
  spawn(request: SpawnRequest): Promise<RawChild>;
  /**
   * Whether a program could be started in the given way: for callers that start it through another one (`sh -c 'exec ...'`) and
   * would not see a failure. Rejects as `spawn` would.
   */
  check(request: SpawnRequest): Promise<void>;
}
