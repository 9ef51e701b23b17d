"""What the Python programs share: the twin of _kit.ts."""
import asyncio
import gc
import json
import os
import sys
import time


# Seconds that a row warms up, as in _kit.ts.
WARMING = 0.25


def program(rows, run):
    """`rows`: async functions by name that give the row's figure; `run` runs one."""
    wanted = [arg for arg in sys.argv[1:] if arg != "--uvloop"]
    if wanted[:1] == ["--list"]:
        print(json.dumps(list(rows)))
        return
    for name in wanted:
        print(json.dumps({"row": name, "value": run(rows[name])}), flush=True)


def run_asyncio(function, *args):
    """Runs a coroutine function on asyncio, or on uvloop with --uvloop."""
    if "--uvloop" in sys.argv:
        import uvloop

        uvloop.install()
    return asyncio.run(function(*args))


def timed(n, work):
    """Nanoseconds for each of `n` operations: the median of up to five samples in a warm process."""

    async def row():
        begin = time.perf_counter()
        await work(min(n, 5000))
        while time.perf_counter() - begin < WARMING:
            await work(n)
        times = []
        end = time.perf_counter() + 2
        for i in range(5):
            if i > 0 and time.perf_counter() > end:
                break
            start = time.perf_counter()
            await work(n)
            times.append((time.perf_counter() - start) * 1e9 / n)
        return median(times)

    return row


def throughput(size, work):
    """MB/s of a transfer of `size` bytes: the median of three."""

    async def row():
        await work(size >> 3)
        rates = []
        for _ in range(3):
            start = time.perf_counter()
            await work(size)
            rates.append(size / 1e6 / (time.perf_counter() - start))
        return median(rates)

    return row


def median(values):
    return sorted(values)[len(values) // 2]


def resident():
    """Bytes of resident memory, garbage collected before."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
