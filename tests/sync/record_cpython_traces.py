"""Records what CPython's asyncio does with random programs on its locks and queues.

    python3.13 tests/sync/record_cpython_traces.py > tests/sync/cpython_traces.jsonl

cpython_traces.test.ts runs the same programs here and wants the same traces: every result, in the same
iteration of the loop, in the same order. Recorded with CPython 3.13.0.
"""

import asyncio
import json
import random

PROGRAMS_PER_KIND = 40

KINDS = {
    "lock": ["with", "acquire", "release", "sleep", "sleep", "cancel", "look"],
    "semaphore": ["with", "acquire", "release", "sleep", "sleep", "cancel", "look"],
    "event": ["wait", "wait", "set", "clear", "sleep", "cancel"],
    "condition": ["wait", "wait", "wait", "notify", "notifyAndStay", "notifyAll", "with", "sleep"]
    + ["cancel", "cancel"],
    "barrier": ["wait", "wait", "wait", "wait", "sleep", "sleep", "cancel", "reset", "abort", "look"],
    "queue": ["put", "put", "get", "get", "putNowait", "getNowait", "taskDone", "join", "sleep"]
    + ["sleep", "cancel", "cancel", "look", "shutdown"],
}
RARE = {"reset", "abort", "shutdown"}


def generate(kind, seed):
    rng = random.Random(f"{kind} {seed}")

    def operation():
        name = rng.choice(KINDS[kind])
        if name in RARE and rng.random() < 0.6:
            name = "sleep"
        return [name, rng.randrange(8)]

    size = rng.randrange(4)
    workers = rng.randint(2, 6)
    scripts = [[operation() for _ in range(rng.randint(1, 8))] for _ in range(workers)]
    return {"kind": kind, "size": size, "scripts": scripts}


async def ticks(count):
    for _ in range(count):
        await asyncio.sleep(0)


class Operations:
    def __init__(self, log):
        self.log = log

    async def sleep(self, n):
        await ticks(1 + n % 2)


class LockOperations(Operations):
    def __init__(self, log, size):
        super().__init__(log)
        self.it = asyncio.Lock()

    async def acquire(self, n):
        await self.it.acquire()

    async def release(self, n):
        self.it.release()

    async def with_(self, n):
        await self.it.acquire()
        try:
            await ticks(n % 3)
        finally:
            self.it.release()

    async def look(self, n):
        return self.it.locked()


class SemaphoreOperations(LockOperations):
    def __init__(self, log, size):
        super().__init__(log, size)
        self.it = asyncio.Semaphore(size)


class EventOperations(Operations):
    def __init__(self, log, size):
        super().__init__(log)
        self.it = asyncio.Event()

    async def wait(self, n):
        return await self.it.wait()

    async def set(self, n):
        self.it.set()

    async def clear(self, n):
        self.it.clear()


class ConditionOperations(Operations):
    def __init__(self, log, size):
        super().__init__(log)
        self.it = asyncio.Condition()

    async def wait(self, n):
        async with self.it:
            try:
                return await self.it.wait()
            finally:
                self.log.append(f"locked {self.it.locked()}")

    async def notify(self, n):
        async with self.it:
            self.it.notify(n % 3)

    async def notifyAndStay(self, n):
        async with self.it:
            self.it.notify(1 + n % 2)
            await ticks(1 + n % 3)

    async def notifyAll(self, n):
        async with self.it:
            self.it.notify_all()

    async def with_(self, n):
        async with self.it:
            await ticks(n % 3)


class BarrierOperations(Operations):
    def __init__(self, log, size):
        super().__init__(log)
        self.it = asyncio.Barrier(size + 1)

    async def wait(self, n):
        return await self.it.wait()

    async def reset(self, n):
        await self.it.reset()

    async def abort(self, n):
        await self.it.abort()

    async def look(self, n):
        return f"{self.it.n_waiting} {self.it.broken}"


class QueueOperations(Operations):
    def __init__(self, log, size):
        super().__init__(log)
        self.it = asyncio.Queue(size)
        self.last = 0

    async def put(self, n):
        self.last += 1
        await self.it.put(self.last)

    async def get(self, n):
        return await self.it.get()

    async def putNowait(self, n):
        self.last += 1
        self.it.put_nowait(self.last)

    async def getNowait(self, n):
        return self.it.get_nowait()

    async def taskDone(self, n):
        self.it.task_done()

    async def join(self, n):
        await self.it.join()

    async def look(self, n):
        return f"{self.it.qsize()} {self.it.full()}"

    async def shutdown(self, n):
        self.it.shutdown(n % 2 == 0)


OPERATIONS = {
    "lock": LockOperations,
    "semaphore": SemaphoreOperations,
    "event": EventOperations,
    "condition": ConditionOperations,
    "barrier": BarrierOperations,
    "queue": QueueOperations,
}


async def trace(program):
    log = []
    tick = 0
    operations = OPERATIONS[program["kind"]](log, program["size"])
    tasks = []

    async def worker(number, script):
        for name, n in script:
            try:
                if name == "cancel":
                    result = tasks[n % len(tasks)].cancel()
                else:
                    result = await getattr(operations, "with_" if name == "with" else name)(n)
            except BaseException as error:
                result = "RangeError" if isinstance(error, ValueError) else type(error).__name__
            log.append(f"{tick} {number} {name} {result}")

    async def pass_ticks(count):
        nonlocal tick
        for _ in range(count):
            await asyncio.sleep(0)
            tick += 1

    tasks += [asyncio.create_task(worker(n, s)) for n, s in enumerate(program["scripts"])]
    await pass_ticks(60)
    log.append(" ".join(str(task.done()) for task in tasks))
    for _ in range(12):
        for task in tasks:
            task.cancel()
        await pass_ticks(8)
    return log


def main():
    for kind in KINDS:
        for seed in range(PROGRAMS_PER_KIND):
            program = generate(kind, seed)
            log = asyncio.run(trace(program))
            program["trace"] = ", ".join(log).replace("True", "true").replace("False", "false")
            print(json.dumps(program, separators=(",", ":")))


main()
