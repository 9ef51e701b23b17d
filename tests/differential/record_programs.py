"""Makes random programs on tasks, groups, timeouts, shields, gathers, waits, locks and queues, and records what CPython's
asyncio does with each, in virtual time.

    python3.13 tests/differential/record_programs.py > tests/differential/programs.jsonl
    python3.13 tests/differential/record_programs.py --seed=90000 --count=500      fresh ones, as the soak runs them

programs.test.ts runs the same programs here and wants the same traces. A program is a list of statements; a statement is
[operation, ...arguments], and its number is its place in the program, counted from the front. Every statement that ends
writes "<number><outcome>", with "+<n>" where n requests to cancel stand against its task, and with "@<time>;" before it where
time has passed. Recorded with CPython 3.13.0.

Where it is known for a fault that this library does not copy, the recording shows it mended:

- gh-134471: `timeout(0)` swallowed a cancellation that its task had not met yet.

Not compared: what asyncio leaves open (which of two timers of one moment comes first), and `uncancel()` of what a timeout or
a group has asked of its own body, which here is not the task's.
"""

import asyncio
import json
import random
import re
import sys

PROGRAMS = 2200
LONGEST_TRACE = 420
LONGEST_PROGRAM = 420
MOST_ITERATIONS = 4000


class Rejected(Exception):
    """The program says nothing that could be compared."""


# ── making programs ─────────────────────────────────────────────────────────────────────────────────────────────

LEAVES = {
    "s": 16,  # sleep
    "z": 10,  # sleep(0), so many times
    "aw": 6,  # await a task
    "ca": 14,  # cancel a task; the one of the statement where the number is -1
    "un": 3,  # uncancel a task
    "cg": 2,  # how often it was asked to cancel
    "qg": 3,  # queue.get()
    "qp": 3,  # queue.put()
    "ev": 2,  # event.wait()
    "es": 2,  # event.set()
    "cw": 2,  # condition.wait()
    "cn": 2,  # condition.notify()
    "fu": 3,  # await a future
    "fr": 2,  # future.set_result()
    "fx": 1,  # future.set_exception()
    "fc": 1,  # future.cancel()
    "ra": 3,  # throw
    "rc": 1,  # throw a CancelledError
    "rt": 1,  # return
    "gt": 2,  # gather tasks
    "wt": 3,  # wait for tasks
    "wn": 3,  # wait_for(task)
    "sh": 2,  # shield(task)
    "re": 2,  # reschedule the timeout around it
}
BLOCKS = {
    "sp": 9,  # create a task
    "ct": 9,  # create a task in the group around it
    "to": 11,  # timeout
    "tg": 8,  # TaskGroup
    "tc": 8,  # except CancelledError
    "tf": 9,  # finally
    "te": 6,  # except Exception
    "tu": 3,  # except CancelledError: uncancel()
    "ga": 4,  # gather
    "wf": 5,  # wait_for(coroutine)
    "lk": 4,  # lock
    "se": 2,  # semaphore
    "sb": 3,  # shield(coroutine)
    "lo": 2,  # loop
}


class Generator:
    def __init__(self, seed):
        self.rng = random.Random(f"program {seed}")
        self.budget = self.rng.randint(8, 22)
        self.messages = 0

    def program(self):
        body = []
        for _ in range(self.rng.randint(1, 3)):
            body.append(["sp", self.eager(), self.body(1, group=False)])
        return body + self.block(0, group=False, timeout=False, most=6)

    def eager(self):
        return int(self.rng.random() < 0.25)

    def body(self, depth, group):
        """What a task of its own runs; it waits first, since an eager task here must not end in its first step."""
        return [["s", self.delay()] if self.rng.random() < 0.6 else ["z", 1]] + self.block(depth, group, False)

    def delay(self):
        return self.rng.randint(1, self.rng.choice([9, 60, 300]))

    def message(self):
        self.messages += 1
        return f"m{self.messages}" if self.rng.random() < 0.7 else None

    def block(self, depth, group, timeout, most=4):
        return [
            statement
            for _ in range(self.rng.randint(1, most))
            if (statement := self.statement(depth, group, timeout)) is not None
        ]

    def statement(self, depth, group, timeout):
        self.budget -= 1
        if self.budget < 0:
            return ["s", self.delay()] if self.rng.random() < 0.3 else None
        table = dict(LEAVES)
        if depth < 5:
            table.update({name: weight * 2 for name, weight in BLOCKS.items()})
        if not group:
            table.pop("ct", None)
        if not timeout:
            table.pop("re", None)
        name = self.rng.choices(list(table), list(table.values()))[0]
        return [name, *getattr(self, name)(depth + 1, group, timeout)]

    def target(self):
        return self.rng.randrange(6)

    def few(self):
        return sorted(self.rng.sample(range(7), self.rng.randint(1, 4)))

    def any_task(self):
        return -1 if self.rng.random() < 0.3 else self.target()

    def s(self, *_):
        return [self.delay()]

    def z(self, *_):
        return [self.rng.randint(1, 3)]

    def aw(self, *_):
        return [self.target()]

    sh = aw

    def cg(self, *_):
        return [self.any_task()]

    un = cg

    def ca(self, *_):
        return [self.any_task(), self.message()]

    def wn(self, *_):
        return [self.target(), self.rng.choice([None, 0, self.delay(), self.delay(), self.delay()])]

    def number(self, *_):
        return [self.rng.randrange(2)]

    qg = qp = ev = es = fu = fr = fx = fc = number

    def cw(self, *_):
        return []

    def cn(self, *_):
        return [self.rng.randint(1, 2)]

    ra = rc = rt = cw

    def gt(self, *_):
        return [self.few(), self.rng.randrange(2)]

    def wt(self, *_):
        return [self.few(), self.rng.randrange(3), self.rng.choice([None, self.delay()])]

    def re(self, *_):
        return [self.rng.choice([None, self.delay(), self.delay()])]

    def sp(self, depth, *_):
        return [self.eager(), self.body(depth, False)]

    def ct(self, depth, *_):
        return [self.body(depth, True)]

    def to(self, depth, group, _timeout):
        delay = self.rng.choice([None, 0] + [self.delay()] * 8)
        return [delay, self.block(depth, group, True)]

    def tg(self, depth, _group, timeout):
        return [self.block(depth, True, timeout, most=5)]

    def tc(self, depth, group, timeout):
        again = int(self.rng.random() < 0.5)
        return [again, self.block(depth, group, timeout), self.block(depth, group, timeout, most=2)]

    def tf(self, depth, group, timeout):
        return [self.block(depth, group, timeout), self.block(depth, group, timeout, most=2)]

    te = tu = tf

    def ga(self, depth, *_):
        count = self.rng.randint(1, 3)
        return [self.rng.randrange(2), [self.block(depth, False, False, most=3) for _ in range(count)]]

    def wf(self, depth, group, _timeout):
        return [self.rng.choice([None, 0] + [self.delay()] * 6), self.block(depth, group, False)]

    def lk(self, depth, group, timeout):
        return [self.block(depth, group, timeout, most=3)]

    se = lk

    def sb(self, depth, *_):
        return [self.block(depth, False, False, most=3)]

    def lo(self, depth, group, timeout):
        return [self.rng.randint(2, 3), self.block(depth, group, timeout, most=3)]


# ── a loop in virtual time ──────────────────────────────────────────────────────────────────────────────────────


class Selector:
    """Time passes when nothing is ready, and only then."""

    def __init__(self, loop):
        self.loop = loop

    def select(self, timeout):
        self.loop.iterations += 1
        if self.loop.iterations > MOST_ITERATIONS:
            raise Rejected("it does not end")
        if timeout is None:
            raise Rejected("nothing can happen any more")
        self.loop.now += timeout
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self.now = 0
        self.iterations = 0
        self.rejected = False
        self._selector = Selector(self)
        self._clock_resolution = 1e-9
        self.due = {}

    def time(self):
        return self.now

    def call_at(self, when, callback, *args, context=None):
        # Which of two timers for the same moment comes first is open in asyncio.
        others = self.due.setdefault(when, [])
        if any(not other.cancelled() for other in others):
            self.rejected = True
        handle = super().call_at(when, callback, *args, context=context)
        others.append(handle)
        return handle

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        pass


class OrderedTasks(dict):
    """A set of tasks goes by their addresses in memory: this one goes by their age."""

    def add(self, task):
        self[task] = None

    def discard(self, task):
        self.pop(task, None)


# What timeouts and groups have asked of their own task and have not taken back.
asked = {}


def mend_and_watch_timeouts():
    """Mends what is known as CPython's fault, and counts what timeouts ask of their own task; also those of wait_for()."""
    enter, fire, leave = asyncio.Timeout.__aenter__, asyncio.Timeout._on_timeout, asyncio.Timeout.__aexit__

    async def __aenter__(self):
        await enter(self)
        # gh-134471: a deadline that passes at once swallowed a cancellation that was still to be delivered.
        if self._task._must_cancel:
            self._cancelling -= 1
        return self

    def _on_timeout(self):
        asked[self._task] = asked.get(self._task, 0) + 1
        fire(self)

    async def __aexit__(self, *failure):
        if self._state.value == "expiring":
            asked[self._task] -= 1
        return await leave(self, *failure)

    asyncio.Timeout.__aenter__ = __aenter__
    asyncio.Timeout._on_timeout, asyncio.Timeout.__aexit__ = _on_timeout, __aexit__


class TaskGroup(asyncio.TaskGroup):
    def __init__(self):
        super().__init__()
        self._tasks = OrderedTasks()

    def _on_task_done(self, task):
        before = self._parent_cancel_requested
        super()._on_task_done(task)
        if self._parent_cancel_requested and not before:
            asked[self._parent_task] = asked.get(self._parent_task, 0) + 1

    async def __aexit__(self, *failure):
        try:
            return await super().__aexit__(*failure)
        finally:
            if self._parent_cancel_requested:
                asked[self._parent_task] -= 1


# ── running them ────────────────────────────────────────────────────────────────────────────────────────────────


class Boom(Exception):
    pass


class Frame:
    def __init__(self, index, group=None, timeout=None):
        self.index = index
        self.group = group
        self.timeout = timeout


NAMES = {"RuntimeError": "R", "InvalidStateError": "I", "TimeoutError": "T"}


def show(value):
    if value is None:
        return "."
    if isinstance(value, asyncio.CancelledError):
        return f"C({value.args[0] if value.args and value.args[0] is not None else ''})"
    if isinstance(value, Boom):
        return f"B{value}"
    if isinstance(value, BaseExceptionGroup):
        return f"G[{' '.join(show(error) for error in value.exceptions)}]"
    if isinstance(value, BaseException):
        name = type(value).__name__
        if name not in NAMES:
            raise value
        return NAMES[name]
    if isinstance(value, list):
        return f"[{' '.join(show(item) for item in value)}]"
    if isinstance(value, bool):
        return "y" if value else "n"
    return f"={value}"


class Return:
    def __init__(self, value):
        self.value = value


class Machine:
    def __init__(self, loop, program):
        self.loop = loop
        self.program = program
        self.numbers = {}
        self.number(program)
        self.tasks = []
        self.log = []
        self.logged = 0
        self.locks = asyncio.Lock()
        self.semaphore = asyncio.Semaphore(2)
        self.queues = [asyncio.Queue(1), asyncio.Queue()]
        self.events = [asyncio.Event(), asyncio.Event()]
        self.condition = asyncio.Condition()
        self.futures = [loop.create_future(), loop.create_future()]

    def number(self, part):
        if not isinstance(part, list):
            return
        if part and isinstance(part[0], str):
            self.numbers[id(part)] = len(self.numbers)
        for item in part:
            self.number(item)

    def write(self, number, outcome):
        now = self.loop.time()
        when = f"@{now};" if now != self.logged else ""
        self.logged = now
        count = asyncio.current_task().cancelling()
        self.log.append(f"{when}{number}{outcome}{f'+{count}' if count > 0 else ''}")

    def reserve(self):
        self.tasks.append(None)
        return len(self.tasks) - 1

    def any(self, n, frame):
        return self.tasks[frame.index if n < 0 else n] if n < len(self.tasks) else None

    def later(self, n, frame):
        """A task that is younger, so that no ring of tasks waits for itself."""
        task = self.tasks[n] if n < len(self.tasks) else None
        return None if n <= frame.index else task

    async def body(self, index, statements, group=None):
        self.tasks[index] = asyncio.current_task()
        result = await self.block(statements, Frame(index, group))
        return result.value if result is not None else None

    async def block(self, statements, frame):
        for statement in statements:
            result = await self.step(statement, frame)
            if result is not None:
                return result

    async def step(self, statement, frame):
        name, *arguments = statement
        number = self.numbers[id(statement)]
        try:
            result = await getattr(self, name)(frame, number, *arguments)
        except BaseException as error:
            self.write(number, show(error))
            raise
        if isinstance(result, Return):
            return result
        self.write(number, show(result))
        return None

    # Leaves.

    async def s(self, frame, number, delay):
        await asyncio.sleep(delay)

    async def z(self, frame, number, count):
        for _ in range(count):
            await asyncio.sleep(0)

    async def aw(self, frame, number, n):
        task = self.later(n, frame)
        return "-" if task is None else await task

    async def ca(self, frame, number, n, message):
        task = self.any(n, frame)
        return "-" if task is None else task.cancel(message)

    async def un(self, frame, number, n):
        task = self.any(n, frame)
        return "-" if task is None else self.uncancel(task)

    def uncancel(self, task):
        # Here a task takes back what was asked of it, not what its timeouts and groups have asked of their bodies.
        if not task.done() and task.cancelling() <= asked.get(task, 0) and asked.get(task, 0) > 0:
            self.loop.rejected = True
        return task.uncancel()

    async def cg(self, frame, number, n):
        task = self.any(n, frame)
        return "-" if task is None else task.cancelling()

    async def qg(self, frame, number, n):
        return await self.queues[n].get()

    async def qp(self, frame, number, n):
        await self.queues[n].put(number)

    async def ev(self, frame, number, n):
        await self.events[n].wait()

    async def es(self, frame, number, n):
        self.events[n].set()

    async def cw(self, frame, number):
        async with self.condition:
            await self.condition.wait()

    async def cn(self, frame, number, count):
        async with self.condition:
            self.condition.notify(count)

    async def fu(self, frame, number, n):
        return await self.futures[n]

    async def fr(self, frame, number, n):
        if self.futures[n].done():
            return "-"
        self.futures[n].set_result(number)

    async def fx(self, frame, number, n):
        if self.futures[n].done():
            return "-"
        self.futures[n].set_exception(Boom(number))

    async def fc(self, frame, number, n):
        return self.futures[n].cancel()

    async def ra(self, frame, number):
        raise Boom(number)

    async def rc(self, frame, number):
        raise asyncio.CancelledError("hand")

    async def rt(self, frame, number):
        return Return(number)

    def some(self, ns, frame):
        return [task for n in ns if (task := self.later(n, frame)) is not None]

    async def gt(self, frame, number, ns, collect):
        tasks = self.some(ns, frame)
        return "-" if not tasks else await self.gather(tasks, collect)

    async def gather(self, members, collect):
        outer = asyncio.gather(*members, return_exceptions=bool(collect))
        try:
            return list(await outer)
        except asyncio.CancelledError:
            # Where its last member has ended well, its error has whichever message that one's last request has left behind.
            if outer._cancel_requested and not outer._children[-1].cancelled():
                self.loop.rejected = True
            raise

    async def wt(self, frame, number, ns, when, limit):
        tasks = self.some(ns, frame)
        if not tasks:
            return "-"
        until = [asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION][when]
        done, _ = await asyncio.wait(tasks, timeout=limit, return_when=until)
        return [task in done for task in tasks]

    async def wn(self, frame, number, n, limit):
        task = self.later(n, frame)
        return "-" if task is None else await asyncio.wait_for(task, limit)

    async def sh(self, frame, number, n):
        task = self.later(n, frame)
        return "-" if task is None else await asyncio.shield(task)

    async def re(self, frame, number, delay):
        if frame.timeout is None:
            return "-"
        frame.timeout.reschedule(None if delay is None else self.loop.time() + delay)

    # Blocks.

    async def sp(self, frame, number, eager, statements):
        index = self.reserve()
        coroutine = self.body(index, statements)
        self.tasks[index] = asyncio.Task(coroutine, loop=self.loop, eager_start=bool(eager))

    async def ct(self, frame, number, statements):
        index = self.reserve()
        self.tasks[index] = frame.group.create_task(self.body(index, statements, frame.group))

    async def to(self, frame, number, delay, statements):
        timeout = asyncio.timeout_at(None if delay is None else self.loop.time() + delay)
        try:
            async with timeout:
                return await self.block(statements, Frame(frame.index, frame.group, timeout))
        finally:
            if timeout.expired():
                self.write(number, "x")

    async def tg(self, frame, number, statements):
        async with TaskGroup() as group:
            return await self.block(statements, Frame(frame.index, group, frame.timeout))

    async def tc(self, frame, number, again, statements, handler):
        try:
            return await self.block(statements, frame)
        except asyncio.CancelledError as error:
            self.write(number, "c" + show(error))
            result = await self.block(handler, frame)
            if again:
                raise
            return result

    async def tu(self, frame, number, statements, handler):
        try:
            return await self.block(statements, frame)
        except asyncio.CancelledError as error:
            self.write(number, "c" + show(error))
            self.uncancel(asyncio.current_task())
            return await self.block(handler, frame)

    async def te(self, frame, number, statements, handler):
        try:
            return await self.block(statements, frame)
        except Exception as error:
            self.write(number, "c" + show(error))
            return await self.block(handler, frame)

    async def tf(self, frame, number, statements, cleanup):
        try:
            result = await self.block(statements, frame)
        finally:
            self.write(number, "f")
            await self.block(cleanup, frame)
        return result

    async def ga(self, frame, number, collect, bodies):
        coroutines = [self.body(self.reserve(), statements) for statements in bodies]
        return await self.gather(coroutines, collect)

    async def wf(self, frame, number, limit, statements):
        return await asyncio.wait_for(self.block(statements, Frame(frame.index, frame.group)), limit)

    async def lk(self, frame, number, statements):
        await self.locks.acquire()
        try:
            self.write(number, "a")
            return await self.block(statements, frame)
        finally:
            self.locks.release()

    async def se(self, frame, number, statements):
        await self.semaphore.acquire()
        try:
            self.write(number, "a")
            return await self.block(statements, frame)
        finally:
            self.semaphore.release()

    async def sb(self, frame, number, statements):
        return await asyncio.shield(self.body(self.reserve(), statements))

    async def lo(self, frame, number, count, statements):
        for _ in range(count):
            result = await self.block(statements, frame)
            if result is not None:
                return result

    # The whole.

    async def run(self):
        self.tasks.append(None)
        self.tasks[0] = self.loop.create_task(self.body(0, self.program))
        await asyncio.sleep(20_000)
        self.log.append("|" + self.states())
        for _ in range(8):
            for task in self.tasks:
                if task is not None and not task.done():
                    task.cancel()
            await asyncio.sleep(20_000)
        states = self.states()
        if "P" in states:
            raise Rejected("it never ends")
        self.log.append("|" + states)
        return " ".join(self.log)

    def states(self):
        return " ".join(self.state(task) for task in self.tasks)

    def state(self, task):
        if task is None:
            return "-"
        if not task.done():
            return "P"
        if task.cancelled():
            return "C"
        error = task.exception()
        return show(error) if error is not None else show(task.result())


def record(program):
    loop = VirtualLoop()
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(lambda *_: None)
    asked.clear()
    try:
        trace = loop.run_until_complete(Machine(loop, program).run())
    finally:
        asyncio.set_event_loop(None)
    if loop.rejected:
        raise Rejected("it asks for what asyncio leaves open, or what is a task's own here")
    return trace


def worthwhile(program, trace):
    text = json.dumps(program, separators=(",", ":"))
    events = len(re.findall(r"C\(|x|T|G\[", trace))
    return len(text) <= LONGEST_PROGRAM and len(trace) <= LONGEST_TRACE and events >= 4


def option(name, default):
    for argument in sys.argv[1:]:
        if argument.startswith(f"--{name}="):
            return int(argument.split("=")[1])
    return default


def main():
    mend_and_watch_timeouts()
    seed = option("seed", 0)
    wanted = option("count", PROGRAMS)
    while wanted > 0:
        seed += 1
        program = Generator(seed).program()
        try:
            trace = record(program)
        except Rejected:
            continue
        if not worthwhile(program, trace):
            continue
        wanted -= 1
        print(json.dumps([seed, program, trace], separators=(",", ":")))


if __name__ == "__main__":
    main()
