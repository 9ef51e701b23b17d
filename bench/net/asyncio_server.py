"""The servers of the net rows on CPython's asyncio, or on uvloop with --uvloop."""
import asyncio
import json
import os
import ssl
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from kit import run_asyncio  # noqa: E402


async def echo_streams(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionResetError:
        pass  # the client of the connections row resets instead of closing
    writer.close()


async def sink_streams(reader, writer):
    while await reader.read(65536):
        pass
    writer.write(b"\0")
    writer.close()


async def lines_streams(reader, writer):
    while await reader.readline():
        pass
    writer.write(b"\0")
    writer.close()


class Echo(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(data)


class Sink(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def eof_received(self):
        self.transport.write(b"\0")


ECHO, SINK, LINES = (echo_streams, Echo), (sink_streams, Sink), (lines_streams, None)

ROWS = {
    "echo 64 B, streams": ECHO,
    "echo 64 B, protocol": ECHO,
    "echo 16 KiB, streams": ECHO,
    "echo 16 KiB, protocol": ECHO,
    "echo 64 B on 100 connections, streams": ECHO,
    "echo 64 B on 100 connections, protocol": ECHO,
    "connections, streams": ECHO,
    "connections, protocol": ECHO,
    "1 GiB in, streams": SINK,
    "1 GiB in, protocol": SINK,
    "TLS echo 64 B, streams": ECHO,
    "TLS echo 64 B, protocol": ECHO,
    "lines, streams": LINES,
}


async def main(row):
    streams, protocol = ROWS[row]
    options = {}
    if row.startswith("TLS"):
        options["ssl"] = context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["BENCH_CERT"], os.environ["BENCH_KEY"])
    if row.endswith("protocol"):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol, "127.0.0.1", 0, **options)
    else:
        server = await asyncio.start_server(streams, "127.0.0.1", 0, **options)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


wanted = [arg for arg in sys.argv[1:] if arg != "--uvloop"]
if wanted[0] == "--list":
    print(json.dumps(list(ROWS)))
else:
    run_asyncio(main, wanted[0])
