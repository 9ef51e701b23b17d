"""The subprocess rows on CPython's asyncio, or on uvloop with --uvloop."""
import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from kit import program, run_asyncio, throughput, timed  # noqa: E402

SIZE = 1 << 28
BLOCK = bytes(65536)


async def spawn(n):
    for _ in range(n):
        child = await asyncio.create_subprocess_exec("true")
        await child.wait()


async def out(size):
    child = await asyncio.create_subprocess_exec("head", "-c", str(size), "/dev/zero", stdout=PIPE)
    got = 0
    while data := await child.stdout.read(65536):
        got += len(data)
    await child.wait()
    assert got == size


async def into(size):
    child = await asyncio.create_subprocess_exec("sh", "-c", "cat >/dev/null", stdin=PIPE)
    for _ in range(size // len(BLOCK)):
        child.stdin.write(BLOCK)
        await child.stdin.drain()
    child.stdin.close()
    await child.wait()


program(
    {
        "spawn and wait": timed(60, spawn),
        "bytes out of a child": throughput(SIZE, out),
        "bytes into a child": throughput(SIZE, into),
    },
    run_asyncio,
)
