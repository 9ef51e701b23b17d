import { currentLoop } from "../runtime/tasks/task_options.ts";
import { inOwnScope } from "../runtime/scopes/known.ts";
import type { EventLoop } from "../loop_interface.ts";
import type { Server } from "../runtime/contract/servers.ts";
import type { DatagramOptions } from "../runtime/contract/datagram_options.ts";
import type {
  BaseProtocol,
  BufferedProtocol,
  DatagramProtocol,
  DatagramTransport,
  Protocol,
  ReadTransport,
  Transport,
  WriteTransport,
} from "../runtime/contract/transports.ts";
import type { AddressInfo, AddressInfoOptions } from "../runtime/contract/sockets.ts";
import type {
  ReadablePipe,
  SendfileOptions,
  WritablePipe,
} from "../runtime/contract/stream_options.ts";
import { BaseEventLoop } from "../runtime/loop/base_event_loop.ts";
import { type BytesLike, cloneBytes, toBytes } from "../runtime/base/bytes.ts";
import type { Address, AddressLike } from "./core/addresses.ts";
import { requireOpen } from "./core/arguments.ts";
import { describeType } from "../runtime/base/format.ts";
import {
  connectAcceptedSocket,
  createConnection,
  createServer,
  createUnixConnection,
  createUnixServer,
} from "./stream_calls.ts";
import {
  datagramCalls,
  fileCalls,
  nameCalls,
  pipeCalls,
  socketCalls,
  streamCalls,
} from "./lazy.ts";
import {
  type AcceptedOptions,
  type ConnectOptions,
  type ServeOptions,
  type StartTlsOptions,
  startTlsOptions,
  type TlsOptions,
} from "./core/options.ts";
import {
  checkAddressKind,
  inOpeningTurn,
  provideBind,
  readinessOf,
  type Socket,
  stateOf,
} from "./sockets/sockets.ts";
import { upgradingTls } from "./tls/options.ts";

type NetMethods = Pick<
  EventLoop,
  | "getaddrinfo"
  | "getnameinfo"
  | "createConnection"
  | "createServer"
  | "createUnixConnection"
  | "createUnixServer"
  | "connectAcceptedSocket"
  | "createDatagramEndpoint"
  | "startTls"
  | "connectReadPipe"
  | "connectWritePipe"
  | "sendfile"
  | "sockSendfile"
  | "sockRecv"
  | "sockRecvInto"
  | "sockRecvfrom"
  | "sockRecvfromInto"
  | "sockSendall"
  | "sockSendto"
  | "sockConnect"
  | "sockAccept"
  | "addReader"
  | "removeReader"
  | "addWriter"
  | "removeWriter"
>;

/**
 * The portable loop with the net: each method hands the loop to the function that does the work.
 */
export abstract class NetEventLoop extends BaseEventLoop implements NetMethods {
  getaddrinfo(
    host: string | null,
    port: number | string | null,
    options?: AddressInfoOptions,
  ): Promise<AddressInfo[]> {
    return inOwnScope(() => nameCalls.call((net) => net.getaddrinfo(this, host, port, options)));
  }

  getnameinfo(
    address: { hostname: string; port: number },
  ): Promise<[host: string, service: string]> {
    return inOwnScope(() => nameCalls.call((net) => net.getnameinfo(this, address)));
  }

  createConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    host: string | null,
    port: number | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]> {
    return inOwnScope(() =>
      createConnection(this.publicLoop, protocolFactory, host, port, options)
    );
  }

  createServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    host: string | readonly string[] | null,
    port: number | null,
    options?: ServeOptions,
  ): Promise<Server> {
    return inOwnScope(() => createServer(this.publicLoop, protocolFactory, host, port, options));
  }

  createUnixConnection<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    path: string | null,
    options?: ConnectOptions,
  ): Promise<[Transport, P]> {
    return inOwnScope(() => createUnixConnection(this.publicLoop, protocolFactory, path, options));
  }

  createUnixServer(
    protocolFactory: () => Protocol | BufferedProtocol,
    path: string | null,
    options?: ServeOptions,
  ): Promise<Server> {
    return inOwnScope(() => createUnixServer(this.publicLoop, protocolFactory, path, options));
  }

  connectAcceptedSocket<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    sock: Socket,
    options?: AcceptedOptions,
  ): Promise<[Transport, P]> {
    return inOwnScope(() => connectAcceptedSocket(this.publicLoop, protocolFactory, sock, options));
  }

  createDatagramEndpoint<P extends DatagramProtocol>(
    protocolFactory: () => P,
    options: DatagramOptions,
  ): Promise<[DatagramTransport, P]> {
    return inOwnScope(() =>
      datagramCalls.call((net) =>
        net.createDatagramEndpoint(this.publicLoop, protocolFactory, options)
      )
    );
  }

  sendfile(
    transport: WriteTransport,
    file: string | URL | Blob,
    offset?: number,
    count?: number | null,
    options?: SendfileOptions,
  ): Promise<number> {
    return inOwnScope(() =>
      fileCalls.call((net) =>
        net.sendfile(this.publicLoop, transport, file, offset, count, options)
      )
    );
  }

  sockSendfile(
    sock: Socket,
    file: string | URL | Blob,
    offset?: number,
    count?: number | null,
    options?: SendfileOptions,
  ): Promise<number> {
    return inOwnScope(() =>
      stateOf(sock).sends.run(
        "sockSendfile()",
        () =>
          fileCalls.call((net) =>
            net.sockSendfile(this.publicLoop, sock, file, offset, count, options)
          ),
      )
    );
  }

  connectReadPipe<P extends Protocol | BufferedProtocol>(
    protocolFactory: () => P,
    pipe: ReadablePipe,
  ): Promise<[ReadTransport, P]> {
    return inOwnScope(() =>
      pipeCalls.call((net) => net.connectReadPipe(this.publicLoop, protocolFactory, pipe))
    );
  }

  connectWritePipe<P extends BaseProtocol>(
    protocolFactory: () => P,
    pipe: WritablePipe,
  ): Promise<[WriteTransport, P]> {
    return inOwnScope(() =>
      pipeCalls.call((net) => net.connectWritePipe(this.publicLoop, protocolFactory, pipe))
    );
  }

  startTls(
    transport: Transport,
    protocol: Protocol | BufferedProtocol,
    ssl: TlsOptions,
    options: StartTlsOptions = {},
  ): Promise<Transport> {
    return inOwnScope(() => {
      startTlsOptions.check(options, "startTls()");
      const setup = upgradingTls(ssl, options);
      return streamCalls.call((net) => net.startTls(this.publicLoop, transport, protocol, setup));
    });
  }

  sockRecv(sock: Socket, nbytes: number): Promise<Uint8Array> {
    return inOwnScope(() => socketCalls.call((net) => net.sockRecv(sock, nbytes)));
  }

  sockRecvInto(sock: Socket, buffer: Uint8Array): Promise<number> {
    return inOwnScope(() => socketCalls.call((net) => net.sockRecvInto(sock, buffer)));
  }

  sockRecvfrom(sock: Socket, bufsize: number): Promise<[Uint8Array, Address]> {
    return inOwnScope(() => socketCalls.call((net) => net.sockRecvfrom(sock, bufsize)));
  }

  sockRecvfromInto(
    sock: Socket,
    buffer: Uint8Array,
    nbytes?: number,
  ): Promise<[number, Address]> {
    return inOwnScope(() => socketCalls.call((net) => net.sockRecvfromInto(sock, buffer, nbytes)));
  }

  sockSendall(sock: Socket, data: BytesLike): Promise<void> {
    return inOwnScope(() => socketCalls.call((net) => net.sockSendall(sock, data)));
  }

  sockSendto(sock: Socket, data: BytesLike, address: AddressLike): Promise<number> {
    return inOwnScope(() => {
      // Taken now: the caller may do with the data what it likes while the code is loaded.
      const bytes = cloneBytes(toBytes(data, "data"));
      return inOpeningTurn(
        sock,
        "sendto",
        () => socketCalls.call((net) => net.sockSendto(this.publicLoop, sock, bytes, address)),
      );
    });
  }

  sockConnect(sock: Socket, address: AddressLike): Promise<void> {
    return inOwnScope(() => {
      checkAddressKind(sock, address);
      return inOpeningTurn(
        sock,
        "connect",
        () => socketCalls.call((net) => net.sockConnect(this.publicLoop, sock, address)),
      );
    });
  }

  sockAccept(sock: Socket): Promise<[Socket, Address]> {
    return inOwnScope(() => socketCalls.call((net) => net.sockAccept(sock)));
  }

  addReader<A extends unknown[]>(
    sock: Socket,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    addWatch(this.publicLoop, sock, "read", callback, args);
  }

  removeReader(sock: Socket): boolean {
    return removeWatch(this.publicLoop, sock, "read");
  }

  addWriter<A extends unknown[]>(
    sock: Socket,
    callback: (...args: A) => unknown,
    ...args: A
  ): void {
    addWatch(this.publicLoop, sock, "write", callback, args);
  }

  removeWriter(sock: Socket): boolean {
    return removeWatch(this.publicLoop, sock, "write");
  }
}

provideBind((sock, address, reusePort) =>
  socketCalls.call((net) => net.bindSocket(currentLoop(), sock, address, reusePort))
);

function addWatch<A extends unknown[]>(
  loop: EventLoop,
  sock: Socket,
  direction: "read" | "write",
  callback: (...args: A) => unknown,
  args: A,
): void {
  requireOpen(loop);
  stateOf(sock);
  if (typeof callback !== "function") {
    throw new TypeError(
      `Cannot watch the socket: the callback must be a function, received ${
        describeType(callback)
      }`,
    );
  }
  readinessOf(sock, direction, "watch").watch(loop, () => callback(...args));
}

function removeWatch(loop: EventLoop, sock: Socket, direction: "read" | "write"): boolean {
  if (stateOf(sock).body.kind === "closed" || loop.isClosed()) return false;
  return readinessOf(sock, direction, "watch").unwatch();
}
