import type { CancelRequest } from "./cancelled.ts";
import type { ReadyEntry, Scheduler, Seen, Turn, TurnEnd } from "./scheduler.ts";
import { printWarning } from "../base/warnings.ts";
import type { TimerEntry } from "../base/containers.ts";

export type { Seen } from "./scheduler.ts";

/**
 * - `offered`: it hit waits of which none is certainly where the code is; a new wait may take it.
 * - `pending`: it hit nothing; the next wait takes it.
 * - `taken`: some code has it: as a wait's error, by a signal that it had asked for, or as the end of a scope.
 * - `withdrawn`: no code will get it: `uncancel()` took it back, its scope is over, or a later request stands in its place.
 */
export type RequestState = "offered" | "pending" | "taken" | "withdrawn";

/**
 * - `first`: as its asker made it.
 * - `again`: a group's failures were worth more than it, so it interrupts the next wait.
 * - `echo`: offered once more, to code that is not known to have seen the first one.
 */
export type RequestKind = "first" | "again" | "echo";

/** How far the code of a task, or of a handler outside tasks, has come; all its scopes share one. */
export class TaskTree implements Turn {
  /** Moves when a wait is made and when the task ends, so when the turn of what was woken is over. */
  activity = 0;
  /** Counts the scopes that ended. */
  exits = 0;
  /** Counts wake-ups, so that waits older than the last one can be recognized. */
  wakeups = 0;
  /** How many scopes of the tree have a request that a new wait may take. I6: 0 where no request is open. */
  open = 0;

  /** Moves when the code makes a wait, leaves a scope or ends. */
  get progress(): number {
    return this.activity + this.exits;
  }
}

/** What a request needs to know of the scope that was asked. */
export interface AskedScope {
  readonly tree: TaskTree;
  readonly task: object | null;
  readonly loop: { readonly scheduler: Scheduler; getDebug(): boolean };
  /** Requests standing against it; 0 once it has ended. */
  readonly standing: number;
  readonly asked: Request | null;
  /** It has ended cancelled, or was abandoned: no need to offer anything once more. */
  readonly doomed: boolean;
  put(request: Request): void;
}

/** Told when a request may have come to another state. */
export interface RequestWatcher {
  requestMoved(): void;
}

/** For tests: told of each change of a request's state; `before` is null for a new one. */
type Observer = (request: Request, before: RequestState | null) => void;
let observer: Observer | null = null;
export function observeRequests(observe: Observer | null): void {
  observer = observe;
}

/** Seconds after which a request is offered once more, where the code that took it made no wait and goes on. */
export const PATIENCE = 1;
/**
 * How long a call has to obey an old signal before the next wait takes the request: ten times a millisecond, since Bun's
 * fetch asks another thread. On a machine so busy that this thread wakes late each time, the other one has as much more.
 */
const OBEYING_STEPS = 10;
const OBEYING_STEP = 0.001;

/**
 * One request to cancel a scope.
 *
 * - I1: it leaves `offered` or `pending` exactly once, or goes from `offered` to `pending` first.
 * - I3: where it hit nothing but leftovers (waits older than the last wake-up, in a scope with several lines), it is
 *   pending again after the last of them has ended, unless the tree progressed in their turns.
 * - I5: what rejects with a CancelledError of the library's has such an object, whose message and cause it carries.
 */
export class Request implements CancelRequest, ReadyEntry, TurnEnd {
  readonly inOrder = true;
  readonly message: string | undefined;
  readonly cause: unknown;
  /** Null: single waits are called off, and no other code is notified. */
  readonly scope: AskedScope | null;
  readonly kind: RequestKind;
  /** The request that it stands for; itself where it is the first one. */
  readonly first: Request;
  /** A deadline that waits for what comes of it. */
  watcher: RequestWatcher | null = null;
  /** The tree's `wakeups` when it became pending. */
  leftAt = -1;
  /** The next wait does not take it, and nothing that ends is taken for its delivery. */
  sparing = false;
  #state: RequestState = "offered";
  /** Offered, and a new wait may take it. */
  #claimable = false;
  /** Waits that were hit and have not ended, where none is certainly the code's. */
  #leftovers = 0;
  /** Taken by the only line known: it is to be offered once more, should that line not be all of the code. */
  #patient = false;
  /** The tree's progress, and its waits, when the turn began whose end is waited for. */
  #progress = 0;
  #activity = 0;

  constructor(
    words: CancelRequest,
    scope: AskedScope | null = null,
    kind: RequestKind = "first",
  ) {
    this.message = words.message;
    this.cause = words.cause;
    this.scope = scope;
    this.kind = kind;
    this.first = kind === "echo" ? (words as Request).first : this;
    if (observer !== null) observer(this, null);
  }

  get state(): RequestState {
    return this.#state;
  }

  /** Whether a new wait may take it. */
  get open(): boolean {
    return this.#state === "pending" || this.#claimable;
  }

  /** Comes to what it has met. Returns whether code that sits in a wait certainly gets it. */
  met(hits: Hits): boolean {
    const { certain, several, signalled } = hits;
    if (several) warnOfLines(this.scope!);
    if (certain) {
      // Where a signal was given out, code in a foreign await may obey that.
      this.take(!several || signalled);
      if (several && !signalled) this.offerOnceMore();
    } else if (hits.freshSignal) this.take();
    else if (hits.signals !== null) this.#awaitObedience();
    else if (hits.all > 0) this.#offer(hits.all);
    else this.leave();
    return certain;
  }

  /** A new wait is to take it. False: it is spared. */
  claim(): boolean {
    if (this.sparing) this.#spare();
    else this.take();
    return this.#state === "taken";
  }

  /** It found no wait. */
  leave(): void {
    this.leftAt = this.scope!.tree.wakeups;
    this.#move("pending", false);
  }

  /** It hit only leftovers, so many. */
  #offer(leftovers: number): void {
    this.#leftovers = leftovers;
    this.#move("offered", true);
  }

  /** Some code has it, or certainly gets it. `patient`: there may be unknown code beside it. */
  take(patient = false): void {
    this.#patient = patient;
    this.#move("taken", false);
  }

  withdraw(): void {
    if (this.#state === "offered" || this.#state === "pending") this.#move("withdrawn", false);
  }

  /** Offers it once more: the first wait of a line that has not seen it takes it. */
  offerOnceMore(): void {
    const { scope } = this;
    if (this.#state !== "taken" || scope === null || scope.asked !== this) return;
    if (scope.standing > 0 && !scope.doomed) scope.put(new Request(this, scope, "echo"));
  }

  /** A wait that it hit is about to tell its code. */
  reaches(tree: TaskTree): void {
    const { scope } = this;
    if (scope === null) return;
    if (this.#leftovers > 0) this.#leftovers--;
    this.#progress = tree.progress;
    this.#activity = tree.activity;
    scope.loop.scheduler.atEndOfTurn(this);
  }

  /** The turn of a wait that it had hit is over. */
  turnOver(): void {
    const scope = this.scope!;
    const { tree } = scope;
    if (scope.standing === 0 || this.sparing) return;
    if (this.#state === "offered") {
      if (tree.progress !== this.#progress) {
        this.take();
        this.offerOnceMore();
      } else if (!this.#claimable) this.leave();
      else if (this.#leftovers === 0) {
        // What streams pass on arrives a turn later: what is made until then is the reaction.
        this.#move("offered", false);
        scope.loop.scheduler.enqueue(this);
      }
    } else if (this.#patient && tree.activity === this.#activity) {
      this.#patient = false;
      new Echo(this, scope).start();
      reportStuck(this);
    }
    this.watcher?.requestMoved();
  }

  /** A second turn for the lines that had it. */
  run(): Turn {
    this.scope!.loop.scheduler.atEndOfTurn(this);
    return this.scope!.tree;
  }

  /**
   * Only an old signal may have told the code: what comes of that shows soon. The wait that is made then may be a cleanup's, so
   * it is spared; the next one takes the request.
   */
  #awaitObedience(): void {
    const { host } = this.scope!.loop.scheduler;
    const look = (left: number): void => {
      if (!this.sparing) return;
      if (left > 0) host.alarm(OBEYING_STEP, () => look(left - 1));
      else if (this.scope!.standing === 0) this.withdraw();
      else this.#spare();
    };
    this.sparing = true;
    this.#move("offered", true);
    host.hop(() => look(OBEYING_STEPS));
  }

  #spare(): void {
    this.leave();
    this.watcher?.requestMoved();
  }

  #move(state: RequestState, claimable: boolean): void {
    const before = this.#state;
    const was = this.open;
    this.sparing &&= state === "offered";
    this.#state = state;
    this.#claimable = claimable;
    const is = this.open;
    if (was !== is) this.scope!.tree.open += is ? 1 : -1;
    if (observer !== null && before !== state) observer(this, before);
  }
}

/** Told of a request whose taker made no wait and goes on. */
let reportStuck: (request: Request) => void = () => {};
export function provideStuckReport(report: (request: Request) => void): void {
  reportStuck = report;
}

/** Offers a request once more, unless its scope is over by then. */
class Echo implements TimerEntry {
  readonly whenDue: number;
  order = 0;
  readonly #request: Request;
  readonly #scope: AskedScope;

  constructor(request: Request, scope: AskedScope) {
    this.#request = request;
    this.#scope = scope;
    this.whenDue = scope.loop.scheduler.host.now() + PATIENCE;
  }

  get live(): boolean {
    return this.#scope.asked === this.#request && this.#scope.standing > 0;
  }

  start(): void {
    const { scheduler } = this.#scope.loop;
    scheduler.addTimer(this, scheduler.host.now());
  }

  due(): void {
    this.#request.offerOnceMore();
  }
}

/** Whether what is cancelled now is the last thing that its canceller does, so that it may as well follow after that. */
export const passing: { last: boolean } = { last: false };

/** What a request met in a scope and below it. */
export class Hits {
  /** Waits made since the last wake-up: some code is certainly in them. */
  fresh = 0;
  all = 0;
  /** A scope in which several lines were seen. */
  lines = false;
  /** Signals that are to be aborted. */
  signals: AbortController[] | null = null;
  /** There is a signal, so that code in a foreign await may be notified by it. */
  signalled = false;
  /** The code has asked for a signal since its last wake-up. */
  freshSignal = false;

  get several(): boolean {
    return this.lines || this.all > 1;
  }

  /** Where there is one line only, it is in what was hit, however old that is. */
  get certain(): boolean {
    return this.several ? this.fresh > 0 : this.all > 0;
  }
}

// ── lines

/** The tasks of which debug mode has told that they have several lines. */
const told: WeakSet<object> = new WeakSet();

function warnOfLines(scope: AskedScope): void {
  const { task, loop } = scope;
  if (!loop.getDebug() || task === null || told.has(task)) return;
  told.add(task);
  printWarning(
    `A cancellation meets ${task} in several lines of code at once, of which asyncio cannot tell which has seen it: ` +
      "write gather() or a TaskGroup in the place of Promise.all(), and createTask() for work beside the main line",
  );
}

/*
 * A wait that is made in the turn of a wake-up belongs to the line that was woken and has seen what that has; code that comes
 * back from a foreign await is a line of which nothing is known. I7: no line is hit by a request that it is known to have
 * seen.
 */

/** More are not remembered: scopes nest less deep, and what an old one asked is over. */
const REMEMBERED = 8;

/** Whether a line is known to have seen a request. */
export function sees(line: Seen | null, request: Request): boolean {
  const { first } = request;
  for (let seen = line; seen !== null; seen = seen.before) {
    if (seen.request === first) return true;
  }
  return false;
}

/** The line, once it has seen a request. */
export function seeing(line: Seen | null, request: Request): Seen {
  const before = line !== null && line.length >= REMEMBERED ? shorten(line, REMEMBERED / 2) : line;
  return { request: request.first, before, length: before === null ? 1 : before.length + 1 };
}

function shorten(line: Seen, length: number): Seen {
  const rest = length === 1 || line.before === null ? null : shorten(line.before, length - 1);
  return { request: line.request, before: rest, length: rest === null ? 1 : rest.length + 1 };
}
