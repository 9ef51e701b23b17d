/**
 * A time service over UDP: a server that tells its clock, and a client that asks for it, as often as datagrams get lost, and
 * works out how far its own clock is off.
 *
 *     deno run -A examples/udp_time.ts serve --port=3700
 *     deno run -A examples/udp_time.ts ask 127.0.0.1:3700 --times=5
 */
import * as asyncio from "../mod.ts";
import { addressOf, numberOf, parse, program, text, UsageError } from "./_program.ts";

/** Milliseconds since 1970, with fractions. */
const now = (): number => performance.timeOrigin + performance.now();

async function main(args: string[]): Promise<void> {
  const { options, rest } = parse(args, { port: "3700", times: "4", timeout: "1" });
  const [what, server = ""] = rest;
  if (what === "serve") await serve(numberOf(options.port, "The port", 0, 65535));
  else if (what === "ask") {
    const { host, port } = addressOf(server);
    const times = Math.floor(numberOf(options.times, "--times", 1, 1000));
    await ask(host, port, times, numberOf(options.timeout, "--timeout", 0.001, 3600));
  } else throw new UsageError(`"serve" or "ask" is wanted, not "${what ?? ""}".`);
}

/** The server: a protocol, since a datagram needs no task of its own. */
class TimeServer implements asyncio.DatagramProtocol {
  answered = 0;
  #transport!: asyncio.DatagramTransport;

  connectionMade(transport: asyncio.DatagramTransport): void {
    this.#transport = transport;
  }

  datagramReceived(data: Uint8Array, from: asyncio.Address): void {
    const question = text(data);
    // What is no question gets no answer: nobody shall be flooded through us.
    if (!/^time \d{1,9} [\d.]{1,20}$/.test(question) || !("port" in from)) return;
    this.#transport.sendto(`${question} ${now()}`, from);
    this.answered++;
  }

  errorReceived(error: unknown): void {
    console.error(`one answer less: ${error}`);
  }
}

async function serve(port: number): Promise<void> {
  const [transport, server] = await asyncio.getRunningLoop().createDatagramEndpoint(
    () => new TimeServer(),
    { localAddr: { hostname: "127.0.0.1", port } },
  );
  const { port: chosen } = transport.getExtraInfo("sockname") as asyncio.NetAddress;
  console.log(`telling the time on 127.0.0.1:${chosen}`);
  try {
    await new asyncio.Event().wait(); // until Ctrl-C
  } finally {
    transport.close();
    console.log(`${server.answered} questions answered`);
  }
}

interface Answer {
  /** Milliseconds there and back. */
  trip: number;
  /** Milliseconds that the server's clock is ahead. */
  ahead: number;
}

async function ask(host: string, port: number, times: number, seconds: number): Promise<void> {
  const answers = new asyncio.Queue<string>();
  const troubles: unknown[] = [];
  const [transport] = await asyncio.getRunningLoop().createDatagramEndpoint(
    () => ({
      datagramReceived: (data: Uint8Array) => answers.putNowait(text(data)),
      errorReceived: (error: unknown) => troubles.push(error), // nobody listens there, say
    }),
    { remoteAddr: { hostname: host, port } },
  );
  try {
    const found: Answer[] = [];
    for (let i = 1; i <= times; i++) {
      const answer = await askOnce(transport, answers, i, seconds);
      if (answer !== null) found.push(answer);
      const told = answer === null ? "no answer" : `${answer.trip.toFixed(1)} ms`;
      console.error(`${i}/${times}: ${told}`);
    }
    if (found.length === 0) {
      const reason = troubles.length > 0 ? ` (${(troubles[0] as Error).message})` : "";
      throw new asyncio.TimeoutError(`${host}:${port} did not answer ${times} questions${reason}`);
    }
    // The quickest answer is the truest.
    const best = found.reduce((a, b) => a.trip <= b.trip ? a : b);
    const time = new Date(now() + best.ahead).toISOString();
    console.log(`${time}, own clock ${(-best.ahead).toFixed(1)} ms ahead`);
  } finally {
    transport.close();
  }
}

/** Null when no answer to this question comes in time. */
async function askOnce(
  transport: asyncio.DatagramTransport,
  answers: asyncio.Queue<string>,
  id: number,
  seconds: number,
): Promise<Answer | null> {
  const sent = now();
  transport.sendto(`time ${id} ${sent}`);
  try {
    return await asyncio.timeout(seconds).with(async () => {
      while (true) {
        const [, number, , told] = (await answers.get()).split(" ");
        if (Number(number) !== id) continue; // a late answer to an earlier question
        const trip = now() - sent;
        return { trip, ahead: Number(told) - (sent + trip / 2) };
      }
    });
  } catch (error) {
    if (error instanceof asyncio.TimeoutError) return null;
    throw error;
  }
}

await program("udp_time.ts serve [--port=3700] | ask HOST:PORT [--times=4] [--timeout=1]", main);
