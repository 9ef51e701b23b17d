/** Runs the programs that `record_programs.py` makes, and writes what it writes. */
import {
  CancelledError,
  Condition,
  createTask,
  currentTask,
  Event,
  type EventLoop,
  ExceptionGroup,
  Future,
  gather,
  InvalidStateError,
  Lock,
  Queue,
  run,
  RuntimeError,
  Semaphore,
  shield,
  sleep,
  type Task,
  TaskGroup,
  type Timeout,
  timeout,
  TimeoutError,
  wait,
  waitFor,
} from "../../mod.ts";
import { virtualLoop } from "../_support/virtual_loop.ts";

/** `[operation, ...arguments]`; what it does is told by `LEAVES` and `BLOCKS` of `record_programs.py`. */
export type Statement = readonly [name: string, ...rest: never[]];
export type Block = readonly Statement[];

/** As a line of `programs.jsonl` holds it. */
export type Recorded = readonly [seed: number, program: Block, trace: string];

class Boom extends Error {}

/** A statement that makes its task return. */
class Return {
  readonly value: unknown;

  constructor(value: unknown) {
    this.value = value;
  }
}

interface Frame {
  readonly index: number;
  readonly group: TaskGroup | null;
  readonly timeout: Timeout | null;
}

type Step = (frame: Frame, number: number, ...rest: never[]) => unknown;

const UNTIL = ["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"] as const;

function show(value: unknown): string {
  if (value === undefined || value === null) return ".";
  if (value instanceof CancelledError) return `C(${value.message})`;
  if (value instanceof Boom) return `B${value.message}`;
  if (value instanceof ExceptionGroup) return `G[${value.errors.map(show).join(" ")}]`;
  if (value instanceof InvalidStateError) return "I";
  if (value instanceof TimeoutError) return "T";
  if (value instanceof RuntimeError) return "R";
  if (value instanceof Error) throw value;
  if (Array.isArray(value)) return `[${value.map(show).join(" ")}]`;
  if (typeof value === "boolean") return value ? "y" : "n";
  return `=${value}`;
}

class Machine {
  readonly #loop: EventLoop;
  readonly #program: Block;
  readonly #numbers: Map<unknown, number> = new Map();
  readonly #tasks: (Task<unknown> | null)[] = [];
  readonly #log: string[] = [];
  #logged = 0;
  readonly #lock = new Lock();
  readonly #semaphore = new Semaphore(2);
  readonly #queues = [new Queue<number>(1), new Queue<number>()];
  readonly #events = [new Event(), new Event()];
  readonly #condition = new Condition();
  readonly #futures: Future<number>[];

  constructor(loop: EventLoop, program: Block) {
    this.#loop = loop;
    this.#program = program;
    this.#futures = [new Future({ loop }), new Future({ loop })];
    this.#number(program);
  }

  async run(): Promise<string> {
    this.#tasks.push(null);
    this.#tasks[0] = createTask(() => this.#body(0, this.#program));
    await sleep(20_000);
    this.#log.push(`|${this.#states()}`);
    for (let round = 0; round < 8; round++) {
      for (const task of this.#tasks) if (task?.done() === false) task.cancel();
      await sleep(20_000);
    }
    this.#log.push(`|${this.#states()}`);
    return this.#log.join(" ");
  }

  #number(part: unknown): void {
    if (!Array.isArray(part)) return;
    if (typeof part[0] === "string") this.#numbers.set(part, this.#numbers.size);
    for (const item of part) this.#number(item);
  }

  #write(number: number, outcome: string): void {
    const now = this.#loop.time();
    const when = now === this.#logged ? "" : `@${now};`;
    this.#logged = now;
    const count = currentTask()!.cancelling();
    this.#log.push(`${when}${number}${outcome}${count > 0 ? `+${count}` : ""}`);
  }

  #states(): string {
    return this.#tasks.map((task) => {
      if (task === null) return "-";
      if (!task.done()) return "P";
      if (task.cancelled()) return "C";
      return show(task.exception() ?? task.result());
    }).join(" ");
  }

  #reserve(): number {
    return this.#tasks.push(null) - 1;
  }

  #any(n: number, frame: Frame): Task<unknown> | null {
    return this.#tasks[n < 0 ? frame.index : n] ?? null;
  }

  /** A task that is younger, so that no ring of tasks waits for itself. */
  #later(n: number, frame: Frame): Task<unknown> | null {
    return n <= frame.index ? null : this.#tasks[n] ?? null;
  }

  #some(ns: readonly number[], frame: Frame): Task<unknown>[] {
    return ns.flatMap((n) => this.#later(n, frame) ?? []);
  }

  async #body(index: number, block: Block, group: TaskGroup | null = null): Promise<unknown> {
    this.#tasks[index] = currentTask();
    const result = await this.#block(block, { index, group, timeout: null });
    return result?.value;
  }

  async #block(block: Block, frame: Frame): Promise<Return | undefined> {
    for (const statement of block) {
      const result = await this.#step(statement, frame);
      if (result !== undefined) return result;
    }
    return undefined;
  }

  async #step(statement: Statement, frame: Frame): Promise<Return | undefined> {
    const [name, ...rest] = statement;
    const number = this.#numbers.get(statement)!;
    let result: unknown;
    try {
      result = await this.#steps[name]!(frame, number, ...rest);
    } catch (error) {
      this.#write(number, show(error));
      throw error;
    }
    if (result instanceof Return) return result;
    this.#write(number, show(result));
    return undefined;
  }

  async #holding(
    it: Lock | Semaphore,
    number: number,
    block: Block,
    frame: Frame,
  ): Promise<Return | undefined> {
    await it.acquire();
    try {
      this.#write(number, "a");
      return await this.#block(block, frame);
    } finally {
      it.release();
    }
  }

  readonly #steps: Record<string, Step> = {
    s: (_frame, _number, delay: number) => sleep(delay),
    z: async (_frame, _number, count: number) => {
      for (let i = 0; i < count; i++) await sleep(0);
    },
    aw: (frame, _number, n: number) => this.#later(n, frame) ?? "-",
    ca: (frame, _number, n: number, message: string | null) =>
      this.#any(n, frame)?.cancel(message ?? undefined) ?? "-",
    un: (frame, _number, n: number) => this.#any(n, frame)?.uncancel() ?? "-",
    cg: (frame, _number, n: number) => this.#any(n, frame)?.cancelling() ?? "-",
    qg: (_frame, _number, n: number) => this.#queues[n]!.get(),
    qp: (_frame, number, n: number) => this.#queues[n]!.put(number),
    ev: async (_frame, _number, n: number) => void await this.#events[n]!.wait(),
    es: (_frame, _number, n: number) => this.#events[n]!.set(),
    cw: () => this.#condition.with(async () => void await this.#condition.wait()),
    cn: (_frame, _number, count: number) =>
      this.#condition.with(() => this.#condition.notify(count)),
    fu: (_frame, _number, n: number) => this.#futures[n],
    fr: (_frame, number, n: number) =>
      this.#futures[n]!.done() ? "-" : this.#futures[n]!.setResult(number),
    fx: (_frame, number, n: number) =>
      this.#futures[n]!.done() ? "-" : this.#futures[n]!.setException(new Boom(String(number))),
    fc: (_frame, _number, n: number) => this.#futures[n]!.cancel(),
    ra: (_frame, number) => {
      throw new Boom(String(number));
    },
    rc: () => {
      throw new CancelledError("hand");
    },
    rt: (_frame, number) => new Return(number),
    gt: (frame, _number, ns: number[], collect: number) => {
      const tasks = this.#some(ns, frame);
      return tasks.length === 0 ? "-" : gather(tasks, { returnExceptions: collect === 1 });
    },
    wt: async (frame, _number, ns: number[], until: number, limit: number | null) => {
      const tasks = this.#some(ns, frame);
      if (tasks.length === 0) return "-";
      const [done] = await wait(tasks, { timeout: limit, returnWhen: UNTIL[until]! });
      return tasks.map((task) => done.has(task));
    },
    wn: (frame, _number, n: number, limit: number | null) => {
      const task = this.#later(n, frame);
      return task === null ? "-" : waitFor(task, limit);
    },
    sh: (frame, _number, n: number) => {
      const task = this.#later(n, frame);
      return task === null ? "-" : shield(task);
    },
    re: (frame, _number, delay: number | null) => {
      if (frame.timeout === null) return "-";
      return frame.timeout.reschedule(delay === null ? null : this.#loop.time() + delay);
    },

    sp: (_frame, _number, eager: number, block: Block) => {
      const index = this.#reserve();
      this.#tasks[index] = createTask(() => this.#body(index, block), { eagerStart: eager === 1 });
    },
    ct: (frame, _number, block: Block) => {
      const index = this.#reserve();
      const { group } = frame;
      this.#tasks[index] = group!.createTask(() => this.#body(index, block, group));
    },
    to: async (frame, number, delay: number | null, block: Block) => {
      const limit = timeout(delay);
      try {
        return await limit.with(() => this.#block(block, { ...frame, timeout: limit }));
      } finally {
        if (limit.expired()) this.#write(number, "x");
      }
    },
    tg: (frame, _number, block: Block) =>
      new TaskGroup().with((group) => this.#block(block, { ...frame, group })),
    tc: async (frame, number, again: number, block: Block, handler: Block) => {
      try {
        return await this.#block(block, frame);
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        this.#write(number, `c${show(error)}`);
        const result = await this.#block(handler, frame);
        if (again === 1) throw error;
        return result;
      }
    },
    tu: async (frame, number, block: Block, handler: Block) => {
      try {
        return await this.#block(block, frame);
      } catch (error) {
        if (!(error instanceof CancelledError)) throw error;
        this.#write(number, `c${show(error)}`);
        currentTask()!.uncancel();
        return await this.#block(handler, frame);
      }
    },
    te: async (frame, number, block: Block, handler: Block) => {
      try {
        return await this.#block(block, frame);
      } catch (error) {
        if (error instanceof CancelledError) throw error;
        this.#write(number, `c${show(error)}`);
        return await this.#block(handler, frame);
      }
    },
    tf: async (frame, number, block: Block, cleanup: Block) => {
      try {
        return await this.#block(block, frame);
      } finally {
        this.#write(number, "f");
        await this.#block(cleanup, frame);
      }
    },
    ga: (_frame, _number, collect: number, blocks: Block[]) => {
      const coroutines = blocks.map((block) => {
        const index = this.#reserve();
        return () => this.#body(index, block);
      });
      return gather(coroutines, { returnExceptions: collect === 1 });
    },
    wf: (frame, _number, limit: number | null, block: Block) =>
      waitFor(() => this.#block(block, { ...frame, timeout: null }), limit),
    lk: (frame, number, block: Block) => this.#holding(this.#lock, number, block, frame),
    se: (frame, number, block: Block) => this.#holding(this.#semaphore, number, block, frame),
    sb: (_frame, _number, block: Block) => {
      const index = this.#reserve();
      return shield(() => this.#body(index, block));
    },
    lo: async (frame, _number, count: number, block: Block) => {
      for (let i = 0; i < count; i++) {
        const result = await this.#block(block, frame);
        if (result !== undefined) return result;
      }
      return undefined;
    },
  };
}

/** What a program leaves behind, run in virtual time. */
export function trace(program: Block): Promise<string> {
  const loop = virtualLoop();
  loop.setExceptionHandler(() => {});
  return run(() => new Machine(loop, program).run(), { loopFactory: () => loop });
}

/**
 * Whether a trace differs from CPython's. A group whose failures were worth more than a cancellation asks its task once more; in
 * CPython the message is lost then, here it may stay.
 */
export function differs(here: string, there: string): boolean {
  const ours = here.split(" ");
  const theirs = there.split(" ");
  let failed = false;
  return ours.length !== theirs.length || theirs.some((entry, index) => {
    failed ||= entry.includes("G[");
    const same = ours[index]!;
    return entry !== same && !(failed && entry === same.replace(/C\(m\d+\)/g, "C()"));
  });
}
