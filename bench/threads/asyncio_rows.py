"""The thread rows on CPython's asyncio: threads share memory, and one lock lets one of them compute at a time."""
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from kit import median, program, run_asyncio, timed  # noqa: E402


def nothing():
    pass


def back(data):
    return data


def compute():
    state = 1
    for _ in range(3_000_000):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
    return state


async def empty(n):
    for _ in range(n):
        await asyncio.to_thread(nothing)


async def buffer(n):
    data = bytearray(1 << 24)
    for _ in range(n):
        data = await asyncio.to_thread(back, data)


async def two_against_one():
    def run():
        return asyncio.to_thread(compute)

    await asyncio.gather(run(), run())
    ratios = []
    for _ in range(3):
        start = time.perf_counter()
        await run()
        one = time.perf_counter()
        await asyncio.gather(run(), run())
        ratios.append((time.perf_counter() - one) / (one - start))
    return median(ratios)


program(
    {
        "empty job there and back": timed(2000, empty),
        "16 MiB buffer there and back": timed(10, buffer),
        "two CPU-bound jobs against one": two_against_one,
    },
    run_asyncio,
)
