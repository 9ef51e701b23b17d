/**
 * That no name of asyncio is missing: neither in the porting table, nor under its TypeScript name in the exports. The
 * last test is for the compiler, which alone sees interfaces: `deno task check` fails when one is gone.
 */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as asyncio from "../../mod.ts";
import type * as types from "../../mod.ts";
import * as names from "./_names.ts";

const exports = asyncio as unknown as Record<string, unknown>;

/** Rows of the porting table as `[python, typescript]`, without the head rows. */
async function portingTable(): Promise<[python: string, typescript: string][]> {
  const page = await readFile(new URL("../../docs/porting.md", import.meta.url), "utf8");
  return page.split("\n").filter((line) => line.startsWith("|")).map((line) => {
    const [, python = "", typescript = ""] = line.split("|");
    return [python, typescript];
  });
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function both(name: names.Name): readonly [python: string, typescript: string] {
  return typeof name === "string" ? [name, /^[A-Z_]+$/.test(name) ? name : camelCase(name)] : name;
}

/** Those that no row tells: with the Python name in its first column and the TypeScript name, or "the same", in its second. */
async function untold(list: Iterable<names.Name>): Promise<string[]> {
  const table = await portingTable();
  const has = (text: string, name: string) =>
    new RegExp(`(^|[^A-Za-z_])${name.replaceAll(".", "\\.")}($|[^A-Za-z_])`).test(text);
  return [...list].map(both).filter(([python, typescript]) =>
    !table.some(([left, right]) =>
      has(left, python) && (has(right, typescript) || right.includes("the same"))
    )
  ).map(([python]) => python);
}

function notExported(list: Iterable<names.Name>): string[] {
  return [...list].map((name) => both(name)[1]).filter((name) => !(name in exports));
}

/** Which of the names an object has neither itself nor from its prototypes. */
function lacking(object: object, list: Iterable<string>): string[] {
  const found = new Set<string>();
  for (let at: object | null = object; at !== null; at = Object.getPrototypeOf(at)) {
    for (const name of Object.getOwnPropertyNames(at)) found.add(name);
  }
  return [...list].filter((name) => !found.has(name));
}

for (const [section, list] of Object.entries({ ...names.highLevel, ...names.lowLevel })) {
  test(`API: the porting table has every name of "${section}"`, async () => {
    assert.deepEqual(await untold(list), []);
  });
  test(`API: every name of "${section}" is exported`, () => {
    assert.deepEqual(notExported(list), []);
  });
}

test("API: the porting table has every value that is exported", async () => {
  const told = (await portingTable()).map(([left, right]) => `${left} ${right}`).join(" ");
  const words = new Set(told.match(/\w+/g));
  assert.deepEqual(Object.keys(exports).filter((name) => !words.has(name)), []);
});

test("API: the porting table has every method of the event loop", async () => {
  const methods = names.loopMethods.map((name) => [`loop.${name}`, `loop.${camelCase(name)}`]);
  assert.deepEqual(await untold(methods as [string, string][]), []);
});

test("API: the event loop has every method of asyncio's", () => {
  const loop = asyncio.newEventLoop();
  try {
    assert.deepEqual(lacking(loop, names.loopMethods.map(camelCase)), []);
  } finally {
    loop.close();
  }
});

test("API: the porting table has every method of transports", async () => {
  const methods = Object.values(names.transportMethods).flat()
    .map((name) => [`transport.${name}`, `transport.${camelCase(name)}`]);
  assert.deepEqual(await untold(methods as [string, string][]), []);
});

test("API: a stream transport has every method of asyncio's", async () => {
  await asyncio.run(async () => {
    const server = await asyncio.startServer((_, writer) => writer.close(), "127.0.0.1", 0);
    await server.with(async () => {
      const { port } = server.sockets[0]!.getsockname() as asyncio.NetAddress;
      const [, writer] = await asyncio.openConnection("127.0.0.1", port);
      assert.deepEqual(
        lacking(writer.transport, names.transportMethods.stream.map(camelCase)),
        [],
      );
      writer.close();
      await writer.waitClosed();
    });
  });
});

test("API: a datagram transport has every method of asyncio's", async () => {
  await asyncio.run(async () => {
    const [transport] = await asyncio.getRunningLoop().createDatagramEndpoint(
      () => ({ datagramReceived() {} }),
      { localAddr: { hostname: "127.0.0.1", port: 0 } },
    );
    assert.deepEqual(lacking(transport, names.transportMethods.datagram.map(camelCase)), []);
    transport.close();
  });
});

test("API: a subprocess transport has every method of asyncio's", async () => {
  await asyncio.run(async () => {
    const ended = new asyncio.Event();
    const protocol = { processExited() {}, connectionLost: () => ended.set() };
    const loop = asyncio.getRunningLoop();
    const [transport] = await loop.subprocessExec(() => protocol, "true");
    assert.deepEqual(lacking(transport, names.transportMethods.subprocess.map(camelCase)), []);
    await ended.wait();
    transport.close();
  });
});

test("API: the porting table has every method of protocols", async () => {
  assert.deepEqual(await untold(names.protocolMethods), []);
});

test("API: the porting table has what lies beyond the two indexes", async () => {
  assert.deepEqual(await untold(names.beyondTheIndexes), []);
});

test("API: what lies beyond the two indexes is exported", () => {
  assert.deepEqual(notExported(names.beyondTheIndexes), []);
});

test("API: everything else of the contract is exported", () => {
  assert.deepEqual(names.otherExports.filter((name) => !(name in exports)), []);
});

test("API: nothing is exported that no list names", () => {
  const lists = [highAndLow(), names.beyondTheIndexes].flat().map((name) => both(name)[1]);
  const known = new Set([...lists, ...names.otherExports]);
  assert.deepEqual(Object.keys(exports).filter((name) => !known.has(name)), []);
});

function highAndLow(): names.Name[] {
  return Object.values({ ...names.highLevel, ...names.lowLevel }).flat();
}

/** Where members are fields of each object, unseen on the class: one to look at. */
const specimens: Record<string, () => object | Promise<object>> = {
  Queue: () => new asyncio.Queue(1),
  Barrier: () => new asyncio.Barrier(1),
  ContextVar: () => new asyncio.ContextVar("x"),
  EventLoop: () => asyncio.getEventLoop(),
  Process: () =>
    asyncio.run(async () => {
      const child = await asyncio.createSubprocessExec("true");
      await child.wait();
      return child;
    }),
};

for (const [name, list] of Object.entries(names.members)) {
  test(`API: ${name} has every member of the contract`, async () => {
    const type = exports[name] as { prototype: object };
    assert.deepEqual(lacking(await specimens[name]?.() ?? type.prototype, list), []);
  });
}

test("API: interfaces and types are all there, for the compiler to see", () => {
  /** Each entry is an error of `deno check` when the member is gone. */
  const protocols: {
    stream: (keyof types.Protocol)[];
    buffered: (keyof types.BufferedProtocol)[];
    datagram: (keyof types.DatagramProtocol)[];
    subprocess: (keyof types.SubprocessProtocol)[];
  } = {
    stream: [
      "connectionMade",
      "connectionLost",
      "pauseWriting",
      "resumeWriting",
      "dataReceived",
      "eofReceived",
    ],
    buffered: ["getBuffer", "bufferUpdated", "eofReceived"],
    datagram: ["datagramReceived", "errorReceived"],
    subprocess: ["pipeDataReceived", "pipeConnectionLost", "processExited"],
  };
  type TypesOfTheContract = [
    types.Address,
    types.AddressLike,
    types.Awaitable<number>,
    types.BaseProtocol,
    types.BaseTransport,
    types.BytesLike,
    types.ClientConnected,
    types.Completed<number>,
    types.ConnectOptions,
    types.Coroutine<number>,
    types.DatagramTransport,
    types.Delay,
    types.DurationLike,
    types.ErrorMatch,
    types.ExceptionContext,
    types.ExceptionHandler,
    types.Executor,
    types.ExtraInfo,
    types.NetAddress,
    types.ReadablePipe,
    types.ReadTransport,
    types.Releaser,
    types.RemoteFunction<[number], string>,
    types.RemoteLoop,
    types.ResultOf<() => number>,
    types.ReturnWhen,
    types.RunOptions,
    types.ServeOptions,
    types.Signal,
    types.Statistics,
    types.SubprocessOptions,
    types.SubprocessTransport,
    types.TaskFactory,
    types.TaskOptions,
    types.TlsOptions,
    types.Token<number>,
    types.Transport,
    types.UnixAddress,
    types.WritablePipe,
    types.WriteTransport,
    types.FutureCallGraph,
  ];
  const everyType: TypesOfTheContract["length"] = 41;
  assert.equal(everyType, 41);
  const told = new Set(Object.values(protocols).flat() as string[]);
  assert.deepEqual(names.protocolMethods.map(camelCase).filter((name) => !told.has(name)), []);
});
