/** Takes one figure: one contender, one row, one process of its own. */
import { inRoot, must, run, ScriptError } from "../scripts/_shell.ts";
import { serverCert, serverKey } from "../tests/_support/certificates.ts";
import type { Contender } from "./_contenders.ts";
import type { RowInfo } from "./_rows.ts";

const timeout = 120;

/** The rows a contender has; null when it can't be started here, with the reason. */
export async function listRows(
  { command: [program, ...args], env }: Contender,
): Promise<{ rows: string[] } | { failure: string }> {
  const { code, output } = await run(program!, [...args, "--list"], { env, timeout });
  if (code !== 0) return { failure: lastLine(output) };
  return { rows: JSON.parse(lastLine(output)) };
}

/** A row's figure in its unit, or a failure's reason. */
export type Figure = { value: number } | { failure: string };

export async function measure(contender: Contender, row: RowInfo, load: Load): Promise<Figure> {
  const figure = row.client === undefined
    ? await measureProgram(contender, row)
    : await load.measure(contender, row);
  return "value" in figure ? { value: figure.value / row.scale } : figure;
}

async function measureProgram(contender: Contender, row: RowInfo): Promise<Figure> {
  const { command: [program, ...args], env } = contender;
  const { code, output, killed } = await run(program!, [...args, row.name], { env, timeout });
  const figure = output.split("\n").findLast((line) => line.startsWith('{"row"'));
  if (killed === null && code === 0 && figure !== undefined) return JSON.parse(figure);
  return { failure: killed ?? lastLine(output) };
}

/** What the net rows need: the load client and the servers' certificate. */
export class Load {
  readonly #client: string[];
  readonly #tlsClient: string[];
  readonly #env: Record<string, string>;
  readonly #pin: string[];

  private constructor(
    client: string[],
    tlsClient: string[],
    env: Record<string, string>,
    pin: string[],
  ) {
    this.#client = client;
    this.#tlsClient = tlsClient;
    this.#env = env;
    this.#pin = pin;
  }

  /** Compiles the client where there is a C compiler; elsewhere its twin on Node does the work. */
  static async prepare(node: string): Promise<Load> {
    const folder = inRoot(".cache/bench");
    await Deno.mkdir(folder, { recursive: true });
    const env = { BENCH_CERT: `${folder}/cert.pem`, BENCH_KEY: `${folder}/key.pem` };
    await Deno.writeTextFile(env.BENCH_CERT, serverCert);
    await Deno.writeTextFile(env.BENCH_KEY, serverKey);
    const twin = [node, inRoot("bench/net/client.ts")];
    const compile = ["-O2", "-o", `${folder}/client`, inRoot("bench/net/client.c")];
    const withTls = await succeeds("cc", [...compile, "-DTLS", "-lssl", "-lcrypto"]);
    const compiled = withTls || await succeeds("cc", compile);
    const client = compiled ? [`${folder}/client`] : twin;
    const pinned = await succeeds("taskset", ["-c", "0", "true"]);
    const pin = pinned ? ["taskset", "-c", "0"] : [];
    return new Load(client, withTls ? client : twin, env, pin);
  }

  /** For people: how the load is made. */
  describe(): string {
    const client = this.#client.length === 1 ? "client in C" : "client on Node";
    const tls = this.#tlsClient.length === 1 ? "" : " (TLS: on Node)";
    const pin = this.#pin.length > 0
      ? "server and client pinned to one processor in the rows of one connection at a time"
      : "nothing pinned: taskset is not at hand";
    return `${client}${tls}, ${pin}`;
  }

  async measure(contender: Contender, row: RowInfo): Promise<Figure> {
    const { work, args, pinned } = row.client!;
    const pin = pinned ? this.#pin : [];
    const [program, ...rest] = [...pin, ...contender.command, row.name];
    const server = new Deno.Command(program!, {
      args: rest,
      env: { ...contender.env, ...this.#env },
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    try {
      const port = await firstLine(server.stdout);
      if (port === null) return { failure: "the server ended without a port" };
      const client = work === "tls" ? this.#tlsClient : this.#client;
      const [command, ...options] = [...pin, ...client, work, port, ...args];
      const { code, output, killed } = await run(command!, options, { timeout });
      return code === 0
        ? { value: Number(lastLine(output)) }
        : { failure: killed ?? lastLine(output) };
    } finally {
      await end(server);
    }
  }
}

/** The first line a server prints; null when it ends before. */
async function firstLine(stdout: ReadableStream<Uint8Array>): Promise<string | null> {
  let text = "";
  for await (const part of stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes("\n")) return text.split("\n")[0]!;
  }
  return null;
}

async function end(server: Deno.ChildProcess): Promise<void> {
  try {
    server.kill("SIGKILL");
  } catch (error) {
    // It has ended by itself.
    if (!(error instanceof TypeError)) throw error;
  }
  await server.status;
}

async function succeeds(command: string, args: string[]): Promise<boolean> {
  try {
    await must(command, args, { timeout });
    return true;
  } catch (error) {
    if (error instanceof ScriptError) return false;
    throw error;
  }
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1) ?? "";
}
