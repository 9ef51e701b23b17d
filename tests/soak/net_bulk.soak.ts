// What takes too long for every run: a gibibyte over the loopback, with memory flat.
//   deno test -A tests/soak/net_bulk.soak.ts
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  gather,
  getRunningLoop,
  openConnection,
  type Protocol,
  run,
  startServer,
  type StreamReader,
  type StreamWriter,
  type Transport,
} from "../../mod.ts";
import { pattern, portOf } from "../_support/streams.ts";
import { heldMegabytes, MEGABYTE, residentMegabytes } from "../_support/memory.ts";

const GIBIBYTE = 1024 * MEGABYTE;
const BLOCK = pattern(256 * 1024);

/** What a transfer holds in memory must not grow between its beginning and its end. */
class Watch {
  readonly #start = performance.now();
  #early = 0;
  received = 0;

  /** Counts a chunk and looks at its bytes at both ends: all of them would take longer than the transfer. */
  take(chunk: Uint8Array): void {
    const last = chunk.length - 1;
    assert.equal(chunk[0], BLOCK[this.received % BLOCK.length]);
    assert.equal(chunk[last], BLOCK[(this.received + last) % BLOCK.length]);
    this.received += chunk.length;
    if (this.#early === 0 && this.received > GIBIBYTE / 8) this.#early = heldMegabytes();
  }

  done(what: string): void {
    const rate = this.received / (performance.now() - this.#start) / 1000;
    const growth = heldMegabytes() - this.#early;
    const resident = residentMegabytes();
    console.log(
      `${what}: ${rate.toFixed(0)} MB/s, held +${growth.toFixed(1)} MB, ${
        resident.toFixed(0)
      } MB resident`,
    );
    assert.equal(this.received, GIBIBYTE);
    assert.ok(growth < 8, `what is held grew by ${growth} MB`);
  }
}

function soak(name: string, body: () => Promise<void>): void {
  test(name, { timeout: 300_000 }, () => run(body));
}

async function sendAll(writer: StreamWriter): Promise<void> {
  for (let sent = 0; sent < GIBIBYTE; sent += BLOCK.length) {
    writer.write(BLOCK);
    await writer.drain();
  }
  writer.writeEof();
}

async function receiveAll(reader: StreamReader, watch: Watch): Promise<void> {
  for (let chunk; (chunk = await reader.read(65536)).length > 0;) watch.take(chunk);
}

soak("SW-01: 1 GiB from stream to stream, memory flat", async () => {
  const watch = new Watch();
  const server = await startServer(
    async (reader, writer) => {
      await receiveAll(reader, watch);
      writer.write("!");
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  await sendAll(writer);
  assert.equal((await reader.read()).length, 1);
  watch.done("one way");
  writer.close();
  server.close();
  await server.waitClosed();
});

soak("SW-05: 1 GiB there and back through an echo, memory flat", async () => {
  const watch = new Watch();
  const server = await startServer(
    async (reader, writer) => {
      for (let chunk; (chunk = await reader.read(65536)).length > 0;) {
        writer.write(chunk);
        await writer.drain();
      }
      writer.close();
    },
    "127.0.0.1",
    0,
  );
  const [reader, writer] = await openConnection("127.0.0.1", portOf(server));
  await gather([() => sendAll(writer), () => receiveAll(reader, watch)]);
  watch.done("there and back");
  writer.close();
  server.close();
  await server.waitClosed();
});

soak(
  "TR-05: 1 GiB through an echo of protocols that heed the water marks, memory flat",
  async () => {
    const watch = new Watch();
    let highest = 0;
    const server = await getRunningLoop().createServer(() => new Echo(), "127.0.0.1", 0);
    let finish: () => void;
    const finished = new Promise<void>((resolve) => finish = resolve);
    class Sender implements Protocol {
      #transport: Transport | null = null;
      #sent = 0;

      connectionMade(transport: Transport): void {
        this.#transport = transport;
        this.resumeWriting();
      }

      dataReceived(data: Uint8Array): void {
        watch.take(data);
        highest = Math.max(highest, this.#transport!.getWriteBufferSize());
      }

      pauseWriting(): void {
        this.#paused = true;
      }

      resumeWriting(): void {
        this.#paused = false;
        while (!this.#paused && this.#sent < GIBIBYTE) {
          this.#sent += BLOCK.length;
          this.#transport!.write(BLOCK);
        }
        if (this.#sent === GIBIBYTE) this.#transport!.writeEof();
      }

      connectionLost(): void {
        finish();
      }

      #paused = false;
    }
    await getRunningLoop().createConnection(() => new Sender(), "127.0.0.1", portOf(server));
    await finished;
    watch.done("protocols");
    assert.ok(highest <= BLOCK.length + 64 * 1024, `${highest} bytes were queued`);
    server.close();
    await server.waitClosed();
  },
);

/** Sends back what comes, and reads no more while its peer does not read. */
class Echo implements Protocol {
  #transport: Transport | null = null;

  connectionMade(transport: Transport): void {
    this.#transport = transport;
  }

  dataReceived(data: Uint8Array): void {
    this.#transport!.write(data);
  }

  pauseWriting(): void {
    this.#transport!.pauseReading();
  }

  resumeWriting(): void {
    this.#transport!.resumeReading();
  }
}
