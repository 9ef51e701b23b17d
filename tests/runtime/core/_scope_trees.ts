/**
 * Random programs with trees of scopes and several lines of code in one task, run in virtual time, and what they show of the
 * invariants of requests (docs/design.md).
 */
import fc from "fast-check";
import {
  CancelledError,
  createTask,
  currentSignal,
  type EventLoop,
  run,
  sleep,
  TaskGroup,
  timeout,
} from "../../../mod.ts";
import { observeRequests, type Request, sees } from "../../../runtime/core/delivery.ts";
import { currentScope } from "../../../runtime/core/frame.ts";
import { openScope, type Scope } from "../../../runtime/core/scope.ts";
import { scopeOf } from "../../../runtime/tasks/task.ts";
import { VirtualEventLoop } from "../../../testing/virtual_event_loop.ts";

/** Times are tenths of a second, so that some are longer than the grace. */
export type Step =
  | readonly ["wait" | "foreign" | "driver", time: number]
  | readonly ["timeout", time: number, body: Line]
  | readonly ["group", body: Line, tasks: readonly Line[]]
  | readonly ["both" | "race", one: Line, other: Line]
  | readonly ["keep" | "hot", body: Line]
  | readonly ["finally", body: Line, cleanup: Line];
export type Line = readonly Step[];

/** Asks the task to end, or takes a request back. */
export type Event = readonly [time: number, what: "cancel" | "uncancel"];

export interface Program {
  readonly line: Line;
  readonly events: readonly Event[];
}

const time = fc.integer({ min: 1, max: 25 });

const { line } = fc.letrec<{ line: Line; step: Step; leaf: Step; block: Step }>((tie) => ({
  leaf: fc.oneof(
    { weight: 5, arbitrary: fc.tuple(fc.constant("wait" as const), time) },
    { weight: 4, arbitrary: fc.tuple(fc.constant("foreign" as const), time) },
    { weight: 1, arbitrary: fc.tuple(fc.constant("driver" as const), time) },
  ),
  block: fc.oneof(
    fc.tuple(fc.constant("timeout" as const), time, tie("line")),
    fc.tuple(fc.constant("timeout" as const), time, tie("line")),
    fc.tuple(fc.constant("both" as const), tie("line"), tie("line")),
    fc.tuple(fc.constant("both" as const), tie("line"), tie("line")),
    fc.tuple(fc.constant("race" as const), tie("line"), tie("line")),
    fc.tuple(fc.constant("keep" as const), tie("line")),
    fc.tuple(fc.constant("hot" as const), tie("line")),
    fc.tuple(fc.constant("finally" as const), tie("line"), tie("line")),
    fc.tuple(
      fc.constant("group" as const),
      tie("line"),
      fc.array(tie("line"), { minLength: 1, maxLength: 2 }),
    ),
  ),
  step: fc.oneof({ depthSize: "small", withCrossShrink: true }, tie("leaf"), tie("block")),
  line: fc.array(tie("step"), { minLength: 1, maxLength: 3 }),
}));

const event: fc.Arbitrary<Event> = fc.tuple(
  fc.integer({ min: 1, max: 60 }),
  fc.constantFrom("cancel" as const, "cancel" as const, "cancel" as const, "uncancel" as const),
);

export const program: fc.Arbitrary<Program> = fc.record({
  line,
  events: fc.array(event, { minLength: 0, maxLength: 3 }),
});

export type Invariant = "I1" | "I2" | "I4" | "I5" | "I6" | "I7" | "I8" | "ENDS";

/** A line of code, as the program knows it. */
class Thread {
  /** Messages of the requests that it, or who began it, has caught; a deadline's and a group's have none. */
  readonly caught: Set<string>;
  /** It was in a foreign await since: asyncio cannot tell it from another one. */
  foreign = false;
  /** Scopes that it works in. */
  readonly scopes: readonly Place[];

  constructor(scopes: readonly Place[], caught: Iterable<string> = []) {
    this.scopes = scopes;
    this.caught = new Set(caught);
  }
}

/** The body of a timeout. */
interface Place {
  scope: Scope | null;
  /** It has ended, and the error that ended it was its own deadline's or a cancellation. */
  over: boolean;
  readonly heard: Set<Thread>;
}

class Runner {
  readonly violations: [Invariant, string][] = [];
  readonly #loop: EventLoop;
  readonly #scopes: Set<Scope> = new Set();
  readonly #moved: Map<Request, string[]> = new Map();
  readonly #messages: Set<string> = new Set([""]);
  #sent = 0;

  constructor(loop: EventLoop) {
    this.#loop = loop;
  }

  async run({ line, events }: Program): Promise<void> {
    observeRequests((request, before) => this.#requestMoved(request, before));
    const task = createTask(() => this.#line(line, new Thread([])));
    for (const [at, what] of events) {
      this.#loop.callLater(at / 10, () => {
        if (task.done()) return;
        if (what === "uncancel") task.uncancel();
        else task.cancel(this.#message());
        this.#check(scopeOf(task));
      });
    }
    const end = this.#loop.time() + 600;
    while (!task.done() && this.#loop.time() < end) {
      await sleep(0.73);
      if (!task.done()) this.#check(scopeOf(task));
    }
    if (!task.done()) this.#violated("ENDS", "the task does not end");
    await sleep(30);
    this.#finish();
    observeRequests(null);
  }

  #message(): string {
    const message = `m${++this.#sent}`;
    this.#messages.add(message);
    return message;
  }

  async #line(line: Line, thread: Thread): Promise<void> {
    for (const step of line) await this.#step(step, thread);
  }

  async #step(step: Step, thread: Thread): Promise<void> {
    this.#scopes.add(currentScope());
    switch (step[0]) {
      case "wait":
        await this.#wait(step[1] / 10, thread);
        break;
      case "foreign":
        thread.foreign = true;
        await new Promise<void>((resolve) => this.#loop.callLater(step[1] / 10, resolve));
        break;
      case "driver":
        await this.#driver(step[1] / 10, thread);
        break;
      case "timeout":
        await this.#timeout(step[1] / 10, step[2], thread);
        break;
      case "group":
        await new TaskGroup().with(async (group) => {
          for (const line of step[2]) group.createTask(() => this.#line(line, new Thread([])));
          await this.#line(step[1], thread);
        });
        break;
      case "both":
      case "race": {
        const lines = [step[1], step[2]].map((line) => this.#line(line, this.#beside(thread)));
        for (const line of lines) line.catch(() => {});
        await (step[0] === "both" ? Promise.all(lines) : Promise.race(lines));
        break;
      }
      case "keep":
        await this.#line(step[1], thread).catch(() => this.#hears(thread));
        break;
      case "hot":
        this.#line(step[1], this.#beside(thread)).catch(() => {});
        break;
      case "finally":
        try {
          await this.#line(step[1], thread);
        } catch (error) {
          this.#hears(thread);
          throw error;
        } finally {
          await this.#line(step[2], thread);
        }
    }
  }

  #beside(thread: Thread): Thread {
    const beside = new Thread(thread.scopes, thread.caught);
    beside.foreign = thread.foreign;
    for (const place of thread.scopes) if (place.heard.has(thread)) place.heard.add(beside);
    return beside;
  }

  /** An asyncio wait: I2 when it is made, I7 and I5 when it is cancelled, I8 when it is not. */
  async #wait(seconds: number, thread: Thread): Promise<void> {
    const scope = currentScope();
    const expected = this.#nearest(scope);
    const { line } = scope.loop.scheduler;
    const waiting = sleep(seconds);
    const made = openScope(scope).firstWait;
    if (expected !== null && made?.request !== expected) {
      this.#violated("I2", `a wait took ${made?.request?.message}, not ${expected.message}`);
    }
    try {
      await waiting;
    } catch (error) {
      this.#caught(error, thread);
      throw error;
    }
    // Code that comes back from a foreign await in the turn of another line is taken for that one: it can't be told apart.
    const lost = thread.scopes.some(({ over, heard, scope }) =>
      over && !heard.has(thread) && !(scope?.doom && sees(line, scope.doom))
    );
    if (lost) this.#violated("I8", "a line goes on in a scope that ended cancelled");
  }

  /** The request that a wait has to take: the nearest open one going up. */
  #nearest(scope: Scope): Request | null {
    const line = scope.loop.scheduler.line;
    const { root } = scope;
    for (let place = openScope(scope);; place = place.parent!) {
      const { asked } = place;
      if (asked !== null && asked.open && !asked.sparing && !sees(line, asked)) return asked;
      if (place === root || place.parent === null || asked?.sparing) return null;
    }
  }

  #driver(seconds: number, thread: Thread): Promise<void> {
    const signal = currentSignal();
    thread.foreign = true;
    return new Promise((resolve, reject) => {
      const obey = () => {
        // What is left at the end of the run is aborted then.
        if (this.#loop.isClosed()) reject(signal.reason);
        else this.#loop.callLater(seconds, () => reject(signal.reason));
      };
      if (signal.aborted) obey();
      else {
        signal.addEventListener("abort", obey, { once: true });
        this.#loop.callLater(2, resolve);
      }
    });
  }

  async #timeout(seconds: number, body: Line, thread: Thread): Promise<void> {
    const place: Place = { scope: null, over: false, heard: new Set() };
    const inner = new Thread([...thread.scopes, place], thread.caught);
    inner.foreign = thread.foreign;
    for (const outer of thread.scopes) if (outer.heard.has(thread)) outer.heard.add(inner);
    const limit = timeout(seconds);
    try {
      await limit.with(() => {
        place.scope = currentScope();
        this.#scopes.add(place.scope);
        return this.#line(body, inner);
      });
    } catch (error) {
      if (limit.expired() || error instanceof CancelledError) place.over = true;
      throw error;
    }
  }

  #hears(thread: Thread): void {
    for (const place of thread.scopes) place.heard.add(thread);
  }

  #caught(error: unknown, thread: Thread): void {
    this.#hears(thread);
    if (!(error instanceof CancelledError)) return;
    const { message } = error;
    if (!this.#messages.has(message)) this.#violated("I5", `nobody asked with ${message}`);
    if (message === "") return;
    if (thread.caught.has(message) && !thread.foreign) {
      this.#violated("I7", `${message} hit one line twice`);
    }
    thread.caught.add(message);
  }

  #requestMoved(request: Request, before: string | null): void {
    const states = this.#moved.get(request) ?? [];
    this.#moved.set(request, states);
    states.push(request.state);
    if (before !== null && before !== "offered" && before !== "pending") {
      this.#violated("I1", `a request went ${states.join(", ")}`);
    }
  }

  /** I4 and I6, at any moment. */
  #check(root: Scope): void {
    let open = 0;
    const count = (scope: Scope): void => {
      if (scope.asked?.open) open++;
      for (const child of scope.children()) count(child);
    };
    count(root);
    if (open !== root.tree.open) {
      this.#violated("I6", `${open} open requests are counted as ${root.tree.open}`);
    }
    for (const scope of this.#scopes) {
      if (!scope.closed) continue;
      if (scope.firstWait !== null) this.#violated("I4", "a scope that ended holds a wait");
      if (scope.asked?.open) this.#violated("I4", "a scope that ended holds an open request");
    }
  }

  #finish(): void {
    for (const scope of this.#scopes) {
      if (scope.closed && scope.asked?.open) this.#violated("I4", "an open request is left");
      if (scope.tree.open !== 0) this.#violated("I6", `${scope.tree.open} open requests are left`);
    }
    for (const [request, states] of this.#moved) {
      if (request.state === "offered" || request.state === "pending") {
        this.#violated("I1", `a request is left ${states.join(", ")}`);
      }
    }
  }

  #violated(invariant: Invariant, what: string): void {
    this.violations.push([invariant, what]);
  }
}

/** A loop in virtual time for programs whose foreign awaits are timers of the loop: nothing outside is to be waited for. */
export function unhurriedLoop(): EventLoop {
  const loop = new VirtualEventLoop({ realIo: false });
  loop.recordNoSites();
  return loop as unknown as EventLoop;
}

/** Runs a program and gives what it shows of broken invariants. */
export async function violations(program: Program): Promise<[Invariant, string][]> {
  const loop = unhurriedLoop();
  loop.setExceptionHandler(() => {});
  const runner = new Runner(loop);
  await run(() => runner.run(program), { loopFactory: () => loop });
  return runner.violations;
}
