"""The core rows on trio. Its tasks have no result to await: a nursery waits for all of them."""
import sys
from pathlib import Path

import trio

sys.path.insert(0, str(Path(__file__).parent.parent))
from kit import program, resident, timed  # noqa: E402


async def nothing():
    pass


async def create_await(n):
    for _ in range(n):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(nothing)


async def group(n):
    async with trio.open_nursery() as nursery:
        for _ in range(n):
            nursery.start_soon(nothing)


async def checkpoint(n):
    for _ in range(n):
        await trio.sleep(0)


async def pipe(n):
    send, receive = trio.open_memory_channel(10)

    async def take():
        for _ in range(n):
            await receive.receive()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        for i in range(n):
            await send.send(i)


async def ping_pong(n):
    send_there, there = trio.open_memory_channel(float("inf"))
    send_back, back = trio.open_memory_channel(float("inf"))

    async def echo():
        for _ in range(n):
            await send_back.send(await there.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(echo)
        for i in range(n):
            await send_there.send(i)
            await back.receive()


async def free_lock(n):
    lock = trio.Lock()
    for _ in range(n):
        async with lock:
            await nothing()


async def contended(n):
    lock = trio.Lock()

    async def work():
        for _ in range(n // 10):
            async with lock:
                await trio.sleep(0)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(work)


async def timeout(n):
    for _ in range(n):
        with trio.fail_after(10):
            await nothing()


async def fan_out(n):
    for _ in range(n // 100):
        event = trio.Event()
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(event.wait)
            await trio.sleep(0)
            event.set()


async def cancel(n):
    async with trio.open_nursery() as nursery:
        for _ in range(n):
            nursery.start_soon(trio.sleep, 1000)
        await trio.sleep(0)
        nursery.cancel_scope.cancel()


async def memory():
    n = 50_000
    before = resident()
    async with trio.open_nursery() as nursery:
        for _ in range(n):
            nursery.start_soon(trio.sleep, 1000)
        await trio.sleep(0)
        after = resident()
        nursery.cancel_scope.cancel()
    return (after - before) / n


ROWS = {
    "create and await a task": timed(50_000, create_await),
    "TaskGroup of 20,000": timed(20_000, group),
    "sleep(0)": timed(100_000, checkpoint),
    "bounded queue pipe": timed(50_000, pipe),
    "queue ping-pong": timed(50_000, ping_pong),
    "free lock": timed(100_000, free_lock),
    "contended lock": timed(20_000, contended),
    "timeout around a ready coroutine": timed(50_000, timeout),
    "event fan-out to 100": timed(20_000, fan_out),
    "cancel 20,000 sleepers": timed(20_000, cancel),
    "memory of a sleeping task": memory,
}

program(ROWS, trio.run)
