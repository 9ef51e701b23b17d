"""The servers of the net rows on trio's streams."""
import json
import sys

import trio

ECHO = "echo"
SINK = "sink"
ROWS = {
    "echo 64 B, streams": ECHO,
    "echo 16 KiB, streams": ECHO,
    "echo 64 B on 100 connections, streams": ECHO,
    "connections, streams": ECHO,
    "1 GiB in, streams": SINK,
}


async def echo(stream):
    try:
        async for data in stream:
            await stream.send_all(data)
    except trio.BrokenResourceError:
        pass  # the client of the connections row resets instead of closing


async def sink(stream):
    async for _ in stream:
        pass
    await stream.send_all(b"\0")


async def main(row):
    async with trio.open_nursery() as nursery:
        work = echo if ROWS[row] == ECHO else sink
        listeners = await nursery.start(trio.serve_tcp, work, 0)
        print(listeners[0].socket.getsockname()[1], flush=True)


if sys.argv[1] == "--list":
    print(json.dumps(list(ROWS)))
else:
    trio.run(main, sys.argv[1])
