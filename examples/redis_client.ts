/**
 * A Redis client in a hundred lines: commands from many tasks share one connection and are pipelined by themselves, and
 * messages are a `for await` loop.
 *
 *     deno run -A examples/redis_client.ts 127.0.0.1:6379 --count=10000
 */
import * as asyncio from "../mod.ts";
import { addressOf, numberOf, parse, program, Progress, text } from "./_program.ts";

type Reply = string | number | null | Reply[];

class RedisError extends Error {}

/** A connection. Answers come in the order of the commands, so a queue of futures is all the bookkeeping there is. */
class Redis {
  readonly #writer: asyncio.StreamWriter;
  readonly #waiting: asyncio.Future<Reply>[] = [];
  readonly #messages = new asyncio.Queue<string>();
  readonly #reading: asyncio.Task<void>;

  private constructor(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) {
    this.#writer = writer;
    this.#reading = asyncio.createTask(() => this.#read(reader));
  }

  static async connect(host: string, port: number): Promise<Redis> {
    const [reader, writer] = await asyncio.timeout(5)
      .with(() => asyncio.openConnection(host, port));
    return new Redis(reader, writer);
  }

  /** Sends a command and waits for its answer. Commands that are sent at once travel together. */
  async command(...parts: (string | number)[]): Promise<Reply> {
    if (this.#writer.isClosing()) throw new asyncio.ConnectionResetError("Redis has gone");
    const answer = new asyncio.Future<Reply>();
    this.#waiting.push(answer);
    const encoded = parts.map((part) => `$${byteLength(String(part))}\r\n${part}\r\n`);
    this.#writer.write(`*${parts.length}\r\n${encoded.join("")}`);
    try {
      await this.#writer.drain();
    } catch (error) {
      if (!(error instanceof asyncio.ConnectionError)) throw error; // else the answer tells
    }
    return await answer;
  }

  /** The messages of a channel as they come, until the connection ends. */
  async subscribe(channel: string): Promise<AsyncIterable<string>> {
    await this.command("SUBSCRIBE", channel);
    return this.#messages;
  }

  async close(): Promise<void> {
    this.#reading.cancel();
    await asyncio.wait([this.#reading]);
    this.#writer.close();
  }

  async #read(reader: asyncio.StreamReader): Promise<void> {
    let reason: Error = new asyncio.ConnectionResetError("Redis has closed the connection");
    try {
      while (true) {
        const reply = await readReply(reader);
        if (Array.isArray(reply) && reply[0] === "message") {
          this.#messages.putNowait(String(reply[2]));
          continue;
        }
        const answer = this.#waiting.shift();
        if (answer === undefined || answer.done()) continue; // its caller was cancelled meanwhile
        if (reply instanceof RedisError) answer.setException(reply);
        else answer.setResult(reply);
      }
    } catch (error) {
      if (error instanceof asyncio.CancelledError) throw error;
      if (error instanceof TypeError) reason = error;
    } finally {
      this.#messages.shutdown();
      for (const answer of this.#waiting) if (!answer.done()) answer.setException(reason);
    }
  }
}

const byteLength = (part: string): number => new TextEncoder().encode(part).length;

async function readReply(reader: asyncio.StreamReader): Promise<Reply | RedisError> {
  const line = text(await reader.readuntil("\r\n")).slice(0, -2);
  const rest = line.slice(1);
  if (line[0] === "+") return rest;
  if (line[0] === "-") return new RedisError(rest);
  if (line[0] === ":") return Number(rest);
  const size = Number(rest);
  if (line[0] === "$") {
    return size < 0 ? null : text(await reader.readexactly(size + 2)).slice(0, -2);
  }
  if (line[0] !== "*") throw new TypeError(`This is not Redis: it says "${line.slice(0, 40)}"`);
  const items: Reply[] = [];
  for (let i = 0; i < size; i++) items.push(await readReply(reader) as Reply);
  return items;
}

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { count: "10000" });
  const { host, port } = addressOf(rest[0] ?? "127.0.0.1:6379");
  const count = Math.floor(numberOf(options.count, "--count", 1, 1e7));
  const [redis, listener] = await asyncio.gather([
    () => Redis.connect(host, port),
    () => Redis.connect(host, port),
  ]);
  try {
    console.log(`ping: ${await redis.command("PING")}`);
    await pipeline(redis, count);
    await publish(redis, listener);
    await redis.command("HELP!").catch((error) => console.log(`an error: ${error.message}`));
  } finally {
    await asyncio.gather([() => redis.close(), () => listener.close()]);
  }
}

/** Many increments at once: they leave in few packets, and none waits for the answer to another. */
async function pipeline(redis: Redis, count: number): Promise<void> {
  const progress = new Progress(count);
  const loop = asyncio.getRunningLoop();
  const started = loop.time();
  await redis.command("DEL", "asyncio:example");
  for (let done = 0; done < count;) {
    const batch = Math.min(1000, count - done);
    await asyncio.gather(
      Array.from({ length: batch }, () => () => redis.command("INCR", "asyncio:example")),
    );
    progress.advance(batch, "increments");
    done += batch;
  }
  const total = await redis.command("GET", "asyncio:example");
  await redis.command("DEL", "asyncio:example");
  console.log(`${total} increments in ${(loop.time() - started).toFixed(2)} s`);
}

async function publish(redis: Redis, listener: Redis): Promise<void> {
  const news = await listener.subscribe("asyncio:news");
  for (const message of ["first", "größer", "the end"]) {
    await redis.command("PUBLISH", "asyncio:news", message);
  }
  for await (const message of news) {
    console.log(`news: ${message}`);
    if (message === "the end") break;
  }
}

await program("redis_client.ts [HOST:PORT] [--count=10000]", main);
