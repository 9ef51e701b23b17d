/** The servers that a runtime has of its own, behind one handler; nothing of the library is in between. */
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";

/** Gives the body of the answer. It is called as the runtime calls a handler. */
export type Handler = (path: string) => Promise<string> | string;

export interface WebServer {
  /** The bodies of the answers, each request on a connection of its own. */
  get(path: string): Promise<string>;
  /** The same for requests one after the other on one connection. */
  getInTurn(paths: readonly string[]): Promise<string[]>;
  close(): Promise<void>;
}

interface NativeServer {
  readonly port?: number;
  readonly addr?: { readonly port: number };
  stop?(): Promise<void>;
  shutdown?(): Promise<void>;
}

interface Native {
  readonly Deno?: { serve(options: object, handler: (request: Request) => unknown): NativeServer };
  readonly Bun?: { serve(options: object): NativeServer };
}

const { Deno, Bun } = globalThis as unknown as Native;

function request(port: number, path: string, agent: http.Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    http.get({ host: "127.0.0.1", port, path, agent }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text) => body += text).on(
        "end",
        () => resolve(body),
      );
    }).on("error", reject);
  });
}

function overHttp(port: number, close: () => Promise<void>): WebServer {
  const agents: http.Agent[] = [];
  const agent = (keepAlive: boolean): http.Agent => {
    agents.push(new http.Agent({ keepAlive, maxSockets: 1 }));
    return agents.at(-1)!;
  };
  return {
    get: (path) => request(port, path, agent(false)),
    getInTurn: async (paths) => {
      const one = agent(true);
      const bodies: string[] = [];
      for (const path of paths) bodies.push(await request(port, path, one));
      return bodies;
    },
    close: async () => {
      for (const one of agents) one.destroy();
      await close();
    },
  };
}

function pathOf(url: string): string {
  return new URL(url, "http://localhost").pathname;
}

async function nodeHttp(handler: Handler): Promise<WebServer> {
  const server = http.createServer(async (request, response) => {
    response.end(await handler(pathOf(request.url!)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return overHttp(port, async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    server.closeAllConnections();
    await closed;
  });
}

function own(handler: Handler): Promise<WebServer> {
  const answer = async (request: Request): Promise<Response> =>
    new Response(await handler(pathOf(request.url)));
  const server = Deno === undefined
    ? Bun!.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
    : Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, answer);
  const port = server.port ?? server.addr!.port;
  return Promise.resolve(
    overHttp(port, async () => await (server.shutdown?.() ?? server.stop?.())),
  );
}

/** A request is a connection: its line is the path. */
async function nodeNet(handler: Handler): Promise<WebServer> {
  const server = net.createServer((socket) => {
    // The handler begins where the connection is handed out, before anything has come.
    const line = new Promise<string>((resolve) => {
      socket.setEncoding("utf8").once("data", (text) => resolve(String(text).trim()));
    });
    void Promise.resolve(handler("connection")).then(async (body) => {
      socket.end(`${await line} ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const get = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let body = "";
      const socket = net.connect(port, "127.0.0.1", () => socket.write(`${path}\n`));
      socket.setEncoding("utf8").on("data", (text) => body += text)
        .on("end", () => resolve(body.slice(path.length + 1))).on("error", reject);
    });
  return {
    get,
    getInTurn: async (paths) => {
      const bodies: string[] = [];
      for (const path of paths) bodies.push(await get(path));
      return bodies;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** For Node, which has no server beside its modules: the requests of a session share one async resource. */
async function nodeHttp2(handler: Handler): Promise<WebServer> {
  const server = http2.createServer();
  server.on("stream", async (stream, headers) => {
    stream.end(await handler(String(headers[":path"])));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const sessions: http2.ClientHttp2Session[] = [];
  const connect = (): http2.ClientHttp2Session => {
    sessions.push(http2.connect(`http://127.0.0.1:${port}`));
    return sessions.at(-1)!;
  };
  const request = (session: http2.ClientHttp2Session, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let body = "";
      session.request({ ":path": path }).setEncoding("utf8").on("data", (text) => body += text)
        .on("end", () => resolve(body)).on("error", reject);
    });
  return {
    get: (path) => request(connect(), path),
    getInTurn: async (paths) => {
      const session = connect();
      const bodies: string[] = [];
      for (const path of paths) bodies.push(await request(session, path));
      return bodies;
    },
    close: async () => {
      for (const session of sessions) session.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** The servers of this runtime by name. */
export const webServers: readonly (readonly [
  string,
  (handler: Handler) => Promise<WebServer>,
])[] = [
  ["node:http", nodeHttp],
  ["node:net", nodeNet],
  ["Deno.serve, Bun.serve or http2", (Deno ?? Bun) === undefined ? nodeHttp2 : own],
];

/** Runs the body with a server, and closes it. */
export async function withServer(
  serve: (handler: Handler) => Promise<WebServer>,
  handler: Handler,
  body: (server: WebServer) => Promise<void>,
): Promise<void> {
  const server = await serve(handler);
  try {
    await body(server);
  } finally {
    await server.close();
  }
}
