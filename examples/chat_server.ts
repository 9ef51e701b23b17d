/**
 * A chat server with rooms. A client that does not keep up is let go; nobody else waits for it.
 *
 *     deno run -A examples/chat_server.ts --port=8888
 *     nc 127.0.0.1 8888
 */
import * as asyncio from "../mod.ts";
import { numberOf, parse, portOf, program, text } from "./_program.ts";

interface Member {
  name: string;
  room: string;
  /** What is to be sent to it: others put it here and never wait for its connection. */
  inbox: asyncio.Queue<string>;
  writer: asyncio.StreamWriter;
}

const members = new Set<Member>();

async function main(args: string[]): Promise<void> {
  const { options } = parse(args, { port: "8888" });
  const port = numberOf(options.port, "The port", 0, 65535);
  const server = await asyncio.startServer(serve, "127.0.0.1", port, { limit: 4096 });
  console.log(`listening on 127.0.0.1:${portOf(server)}`);
  await server.with(async () => {
    try {
      await new asyncio.Event().wait(); // until Ctrl-C
    } finally {
      for (const member of members) tell(member, "The server closes. Goodbye!");
      await asyncio.sleep(0.05);
      server.closeClients();
    }
  });
}

/** One connection, from the question for a name to the farewell. */
async function serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter): Promise<void> {
  let member: Member | null = null;
  try {
    member = await welcome(reader, writer);
    if (member !== null) await chat(member, reader, writer);
  } catch (error) {
    if (!isTheirs(error)) throw error;
  } finally {
    if (member !== null) leave(member);
    writer.close();
  }
}

/** What a peer can do to us: vanish, dawdle, send endless lines. Anything else is a bug of ours. */
function isTheirs(error: unknown): boolean {
  if (error instanceof asyncio.ExceptionGroup) return error.leaves().every(isTheirs);
  return error instanceof asyncio.ConnectionError || error instanceof RangeError ||
    error instanceof asyncio.TimeoutError;
}

async function welcome(
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
): Promise<Member | null> {
  writer.write("Your name?\n");
  const name = text(await asyncio.timeout(60).with(() => reader.readline())).trim();
  if (name === "") return null;
  if ([...members].some((member) => member.name === name)) {
    writer.write(`${name} is here already.\n`);
    return null;
  }
  const member = { name, room: "lobby", inbox: new asyncio.Queue<string>(100), writer };
  members.add(member);
  tell(member, `Welcome, ${name}. Say /join ROOM, /who, /quit, or anything else.`);
  say(member, "* has come", true);
  return member;
}

/** Listens and delivers side by side; whichever ends, ends the other. */
async function chat(
  member: Member,
  reader: asyncio.StreamReader,
  writer: asyncio.StreamWriter,
): Promise<void> {
  await new asyncio.TaskGroup().with(async (group) => {
    group.createTask(async () => {
      for await (const line of member.inbox) {
        writer.write(`${line}\n`);
        await writer.drain();
      }
      group.cancel();
    });
    for await (const line of reader) {
      obey(member, text(line).trim());
      await asyncio.sleep(0); // who sends a thousand lines at once gives the others a turn
    }
    member.inbox.shutdown(); // what is still in there gets delivered
  });
}

function obey(member: Member, line: string): void {
  const [command, room = "lobby"] = line.split(/\s+/);
  if (line === "") return;
  if (command === "/join") {
    say(member, `* leaves for ${room}`);
    member.room = room;
    say(member, "* has come", true);
  } else if (command === "/who") {
    tell(member, roommates(member).map(({ name }) => name).sort().join(", "));
  } else if (command === "/quit") {
    tell(member, "Goodbye!");
    member.inbox.shutdown();
  } else if (line.startsWith("/")) {
    tell(member, `There is no ${command}.`);
  } else say(member, `: ${line}`, true);
}

function roommates(member: Member): Member[] {
  return [...members].filter(({ room }) => room === member.room);
}

/** To all in the room; "*" stands for the speaker. */
function say(member: Member, what: string, alsoToSelf = false): void {
  const line = what.startsWith(":") ? `${member.name}${what}` : `* ${member.name}${what.slice(1)}`;
  for (const other of roommates(member)) {
    if (other !== member || alsoToSelf) tell(other, line);
  }
}

function tell(member: Member, line: string): void {
  try {
    member.inbox.putNowait(line);
  } catch (error) {
    if (error instanceof asyncio.QueueFull) member.writer.transport.abort(); // too slow
    else if (!(error instanceof asyncio.QueueShutDown)) throw error;
  }
}

function leave(member: Member): void {
  members.delete(member);
  say(member, "* has left");
}

await program("chat_server.ts [--port=8888]", main);
