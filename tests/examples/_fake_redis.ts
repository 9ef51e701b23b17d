/** The few commands of Redis that the example sends, for machines without a redis-server. */
import {
  ConnectionError,
  ExceptionGroup,
  Queue,
  sleep,
  startServer,
  TaskGroup,
} from "../../mod.ts";
import type { Server, StreamReader, StreamWriter } from "../../mod.ts";

export interface Fake {
  server: Server;
  /** Most commands that had come in before the first of them was answered: shows pipelining. */
  mostAtOnce: number;
  /** After so many commands the connection is dropped. */
  dropAfter: number;
}

export async function startFakeRedis(): Promise<Fake> {
  const store = new Map<string, number>();
  const listeners = new Map<StreamWriter, string>();
  const fake: Partial<Fake> = { mostAtOnce: 0, dropAfter: Infinity };

  async function serve(reader: StreamReader, writer: StreamWriter): Promise<void> {
    const answers = new Queue<string>();
    try {
      await new TaskGroup().with(async (group) => {
        group.createTask(() => send(answers, writer));
        let all = 0;
        for (let parts; (parts = await readCommand(reader)) !== null;) {
          if (++all > fake.dropAfter!) {
            writer.transport.abort();
            break;
          }
          answers.putNowait(answer(parts, writer));
        }
        answers.shutdown();
      });
    } catch (error) {
      if (!(error instanceof ExceptionGroup)) throw error;
      if (!error.leaves().every((leaf) => leaf instanceof ConnectionError)) throw error;
    } finally {
      listeners.delete(writer);
      writer.close();
    }
  }

  /** A moment passes before each answer, in which a client that pipelines sends more. */
  async function send(answers: Queue<string>, writer: StreamWriter): Promise<void> {
    for await (const first of answers) {
      await sleep(0.001);
      const batch = [first];
      while (!answers.empty()) batch.push(answers.getNowait());
      fake.mostAtOnce = Math.max(fake.mostAtOnce!, batch.length);
      if (writer.isClosing()) return;
      writer.write(batch.join(""));
      await writer.drain();
    }
  }

  function answer([name, key = "", value = ""]: string[], writer: StreamWriter): string {
    if (name === "PING") return "+PONG\r\n";
    if (name === "DEL") return `:${Number(store.delete(key))}\r\n`;
    if (name === "GET") return bulk(String(store.get(key) ?? 0));
    if (name === "INCR") {
      store.set(key, (store.get(key) ?? 0) + 1);
      return `:${store.get(key)}\r\n`;
    }
    if (name === "SUBSCRIBE") {
      listeners.set(writer, key);
      return `*3\r\n${bulk("subscribe")}${bulk(key)}:1\r\n`;
    }
    if (name === "PUBLISH") {
      const message = `*3\r\n${bulk("message")}${bulk(key)}${bulk(value)}`;
      for (const [listener, channel] of listeners) if (channel === key) listener.write(message);
      return `:${listeners.size}\r\n`;
    }
    return `-ERR unknown command '${name}'\r\n`;
  }

  fake.server = await startServer(serve, "127.0.0.1", 0);
  return fake as Fake;
}

function bulk(text: string): string {
  return `$${new TextEncoder().encode(text).length}\r\n${text}\r\n`;
}

async function readCommand(reader: StreamReader): Promise<string[] | null> {
  const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
  const head = decode(await reader.readline());
  if (head === "") return null;
  const parts: string[] = [];
  for (let i = Number(head.slice(1)); i > 0; i--) {
    const size = Number(decode(await reader.readline()).slice(1));
    parts.push(decode(await reader.readexactly(size + 2)).slice(0, -2));
  }
  return parts;
}
