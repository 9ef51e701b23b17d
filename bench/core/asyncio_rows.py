"""The core rows on CPython's asyncio, or on uvloop with --uvloop."""
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from kit import program, resident, run_asyncio, timed  # noqa: E402


async def nothing():
    pass


async def create_await(n):
    for _ in range(n):
        await asyncio.create_task(nothing())


async def create_many(n):
    for task in [asyncio.create_task(nothing()) for _ in range(n)]:
        await task


async def group(n):
    async with asyncio.TaskGroup() as tg:
        for _ in range(n):
            tg.create_task(nothing())


async def gather(n):
    await asyncio.gather(*[nothing() for _ in range(n)])


async def sleep0(n):
    for _ in range(n):
        await asyncio.sleep(0)


async def pipe(n):
    queue = asyncio.Queue(10)

    async def take():
        for _ in range(n):
            await queue.get()

    taker = asyncio.create_task(take())
    for i in range(n):
        await queue.put(i)
    await taker


async def ping_pong(n):
    there, back = asyncio.Queue(), asyncio.Queue()

    async def echo():
        for _ in range(n):
            await back.put(await there.get())

    task = asyncio.create_task(echo())
    for i in range(n):
        await there.put(i)
        await back.get()
    await task


async def free_lock(n):
    lock = asyncio.Lock()
    for _ in range(n):
        async with lock:
            await nothing()


async def contended(n):
    lock = asyncio.Lock()

    async def work():
        for _ in range(n // 10):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*[work() for _ in range(10)])


async def timeout(n):
    for _ in range(n):
        async with asyncio.timeout(10):
            await nothing()


async def wait_for(n):
    for _ in range(n):
        await asyncio.wait_for(nothing(), 10)


async def fan_out(n):
    for _ in range(n // 100):
        event = asyncio.Event()
        waiters = [asyncio.create_task(event.wait()) for _ in range(100)]
        await asyncio.sleep(0)
        event.set()
        await asyncio.gather(*waiters)


async def cancel(n):
    tasks = [asyncio.create_task(asyncio.sleep(1000)) for _ in range(n)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def timers(n):
    loop = asyncio.get_running_loop()
    handles = [loop.call_later(100 + i, print) for i in range(n)]
    for handle in handles:
        handle.cancel()
    await asyncio.sleep(0)


async def soon(n):
    loop = asyncio.get_running_loop()
    done = loop.create_future()
    left = n

    def step():
        nonlocal left
        left -= 1
        if left > 0:
            loop.call_soon(step)
        else:
            done.set_result(None)

    loop.call_soon(step)
    await done


async def memory():
    n = 50_000
    before = resident()
    tasks = [asyncio.create_task(asyncio.sleep(1000)) for _ in range(n)]
    await asyncio.sleep(0)
    after = resident()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return (after - before) / n


ROWS = {
    "create and await a task": timed(50_000, create_await),
    "create 20,000, then await": timed(20_000, create_many),
    "TaskGroup of 20,000": timed(20_000, group),
    "gather of 20,000": timed(20_000, gather),
    "sleep(0)": timed(100_000, sleep0),
    "bounded queue pipe": timed(50_000, pipe),
    "queue ping-pong": timed(50_000, ping_pong),
    "free lock": timed(100_000, free_lock),
    "contended lock": timed(20_000, contended),
    "timeout around a ready coroutine": timed(50_000, timeout),
    "waitFor a ready coroutine": timed(50_000, wait_for),
    "event fan-out to 100": timed(20_000, fan_out),
    "cancel 20,000 sleepers": timed(20_000, cancel),
    "20,000 timers set and cancelled": timed(20_000, timers),
    "callSoon chain": timed(100_000, soon),
    "memory of a sleeping task": memory,
}

program(ROWS, run_asyncio)
