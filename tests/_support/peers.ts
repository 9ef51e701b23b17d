/** Programs from elsewhere at the other end of our connections. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { test } from "node:test";
import { openConnection, OSError, sleep, type StreamReader, type StreamWriter } from "../../mod.ts";
import { type Kit, runs, text, until } from "./streams.ts";

/** A test that needs a program; where that is not installed its name says so: not every runner tells a reason. */
export function needs(
  program: string,
): (name: string, body: (kit: Kit) => Promise<void>) => void {
  if (spawnSync("sh", ["-c", `command -v ${program}`]).status === 0) return runs;
  return (name) => test(`${name} (not run: ${program} is not installed)`, { skip: true });
}

/** A running program: what it said, and how it ended. */
export class Peer {
  out: Uint8Array = new Uint8Array(0);
  errors = "";
  code: number | null | undefined = undefined;
  readonly #child: ReturnType<typeof spawn>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args);
    const chunks: Uint8Array[] = [];
    this.#child.stdout!.on("data", (chunk: Uint8Array) => chunks.push(chunk));
    this.#child.stderr!.on("data", (chunk: Uint8Array) => this.errors += text(chunk));
    this.#child.once("close", (code) => {
      const out = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
      let at = 0;
      for (const chunk of chunks) {
        out.set(chunk, at);
        at += chunk.length;
      }
      this.out = out;
      this.code = code;
    });
  }

  /** Writes to its standard input, and ends that. */
  end(input: Uint8Array | string): void {
    this.#child.stdin!.end(input);
  }

  /** Waits for its end, which has to be a good one. */
  async done(): Promise<Uint8Array> {
    await until(() => this.code !== undefined);
    assert.equal(this.code, 0, this.errors);
    return this.out;
  }

  async stop(): Promise<void> {
    if (this.code === undefined) this.#child.kill();
    await until(() => this.code !== undefined);
  }

  /** Connects once it listens, of which no peer tells. */
  async connect(
    open: () => Promise<[StreamReader, StreamWriter]>,
  ): Promise<[StreamReader, StreamWriter]> {
    for (let tries = 0;; tries++) {
      assert.equal(this.code, undefined, `it ended: ${this.errors}`);
      try {
        return await open();
      } catch (error) {
        if (!(error instanceof OSError) || tries === 2000) throw error;
      }
      await sleep(0.005);
    }
  }
}

/** `connect` over TCP. */
export function connectTo(peer: Peer, port: number): Promise<[StreamReader, StreamWriter]> {
  return peer.connect(() => openConnection("127.0.0.1", port));
}

/** A port that nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}
