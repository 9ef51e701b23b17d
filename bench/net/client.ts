/** The load client of the net rows where there is no C compiler: the twin of client.c, on node:net. */
import { connect as connectPlain, type Socket } from "node:net";
import process from "node:process";
import { connect as connectTls } from "node:tls";

const [work = "", portText = "", ...rest] = process.argv.slice(2);
const port = Number(portText);
const [first = 0, second = 0, third = 0] = rest.map(Number);
const warmUp = 300;

function dial(tls = false): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const host = "127.0.0.1";
    const socket: Socket = tls
      ? connectTls({ host, port, rejectUnauthorized: false }, () => resolve(socket))
      : connectPlain({ host, port, noDelay: true }, () => resolve(socket));
    socket.once("error", reject);
  });
}

/** Round trips per second, one message under way on each connection. */
async function echo(size: number, connections: number, seconds: number, tls = false) {
  const message = new Uint8Array(size);
  const sockets = await Promise.all(Array.from({ length: connections }, () => dial(tls)));
  const start = performance.now() + warmUp;
  let count = 0;
  for (const socket of sockets) {
    let missing = size;
    socket.on("data", (data) => {
      missing -= data.length;
      if (missing > 0) return;
      missing = size;
      if (performance.now() >= start) count++;
      socket.write(message);
    });
    socket.write(message);
  }
  await new Promise((resolve) => setTimeout(resolve, warmUp + seconds * 1000));
  return count / (performance.now() - start) * 1000;
}

async function connections(seconds: number): Promise<number> {
  const start = performance.now() + warmUp;
  const end = start + seconds * 1000;
  let count = 0;
  while (performance.now() < end) {
    const socket = await dial();
    socket.write("x");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resetAndDestroy();
    if (performance.now() >= start) count++;
  }
  return count / seconds;
}

/** Seconds until the server has answered `bytes` bytes, a line feed every 64. */
async function send(bytes: number): Promise<number> {
  const socket = await dial();
  const block = new Uint8Array(1 << 18).map((_, i) => i % 64 === 63 ? 10 : 120);
  const start = performance.now();
  for (let left = bytes; left > 0; left -= block.length) {
    if (socket.write(block.subarray(0, Math.min(left, block.length)))) continue;
    await new Promise((resolve) => socket.once("drain", resolve));
  }
  socket.end();
  await new Promise((resolve) => socket.once("data", resolve));
  return (performance.now() - start) / 1000;
}

const works: Record<string, () => Promise<number>> = {
  echo: () => echo(first, second, third),
  tls: () => echo(first, second, third, true),
  connections: () => connections(first),
  send: async () => first / 1e6 / await send(first),
  lines: async () => first / await send(first * 64),
};

console.log((await works[work]!()).toFixed(1));
process.exit(0);
