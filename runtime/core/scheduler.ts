import type { Host } from "./host.ts";
import { runInRoot } from "../base/async_context.ts";
import { RingBuffer, type TimerEntry, TimerHeap } from "../base/containers.ts";

/**
 * Whose turn it is after a ready entry ran: the drain lets microtasks pass until `activity` moves, which it does when the
 * woken code makes a wait, leaves a scope or ends.
 */
export interface Turn {
  activity: number;
}

/** The requests that a line of code is known to have seen, the latest first; see `delivery.ts`. */
export interface Seen {
  readonly request: object;
  readonly before: Seen | null;
  readonly length: number;
}

/** Told when the turn is over in which it asked for that. */
export interface TurnEnd {
  turnOver(): void;
}

/** One entry of the ready queue: a woken wait, a task's start, a callback. */
export interface ReadyEntry {
  /** Runs it. Returns whose turn follows, or null when nothing was woken. Never throws but for fatal errors. */
  run(): Turn | null;
  /** The task that it starts, for reports of what took long. */
  readonly subject?: object;
  /** A step of the library's own that relies on its place in the queue: the testing loop leaves it there. */
  readonly inOrder?: true;
}

/** Microtasks to wait for a woken task before asking the host when the microtask queue is empty. */
const HOPS = 16;
/** Entries between two looks at the clock. */
const ENTRIES_PER_LOOK = 32;
/** Milliseconds of microtask time before I/O, host timers and other code get their turn. */
const SLICE = 4;

/**
 * The ready queue, the timers, and the drain that runs them.
 *
 * - An iteration runs the entries that were ready when it began, after the timers that are due joined them at the end.
 * - After each entry that woke something, the woken code runs, up to its next wait, before the next entry.
 * - Iterations are chained by microtasks for a slice of a few milliseconds, then one macrotask passes.
 * - Invariant: while `#scheduled`, exactly one continuation of the drain is on its way; while not, the promise that starts it is armed.
 */
export class Scheduler {
  readonly host: Host;
  /** Told what an entry threw: a fatal error. True: the loop stops here, what is ready stays for a later start. */
  onFatal: (error: unknown) => boolean = () => false;
  /** Told when a requested stop took effect. */
  onStop: () => void = () => {};
  /** Debug mode: told how long an entry ran, with the code that it woke. */
  onRan: ((entry: ReadyEntry, seconds: number) => void) | null = null;
  /** Debug mode: told that nothing is ready and no timer is set. */
  onIdle: (() => void) | null = null;
  /** The testing loop's random source: permutes each iteration. */
  random: (() => number) | null = null;
  /** During a turn: what the line that was woken has seen; null where nothing is known of the code that runs. */
  line: Seen | null = null;

  readonly #ready = new RingBuffer<ReadyEntry>();
  readonly #timers = new TimerHeap();
  #active = false;
  #scheduled = false;
  #parkedUntil: number | null = null;
  #stopRequested = false;
  #untilIdle = false;
  #ranBatch = false;
  #remaining = 0;
  #turn: Turn | null = null;
  #stamp = 0;
  #hops = 0;
  #turnEnd: TurnEnd | null = null;
  #bell: () => void = () => {};
  #timersDirty = false;
  #lastTick = 0;
  #sliceStart = 0;
  #untilLook = ENTRIES_PER_LOOK;
  /** Debug mode: the entry that runs, and since when. */
  #timed: ReadyEntry | null = null;
  #timedSince = 0;

  constructor(host: Host) {
    this.host = host;
    runInRoot(() => this.#armBell());
  }

  get active(): boolean {
    return this.#active;
  }

  /** Whether nothing is ready and no drain is on its way. */
  get idle(): boolean {
    return !this.#scheduled && this.#ready.size === 0;
  }

  get timerCount(): number {
    return this.#timers.size;
  }

  nextTimer(): number | null {
    return this.#timers.nextTime();
  }

  /** From now on entries run as they come. */
  start(): void {
    this.#active = true;
    this.#parkedUntil = null;
    this.#ranBatch = false;
    this.#timersDirty = true;
    this.wake();
  }

  /** Leaves after the current iteration; before a start, after one iteration. */
  requestStop(): void {
    this.#stopRequested = true;
    if (this.#active) this.wake();
  }

  /** Runs what is ready, and what that makes ready, then leaves. Timers do not count any more. */
  startLast(): void {
    this.#untilIdle = true;
    this.start();
  }

  enqueue(entry: ReadyEntry): void {
    this.#ready.put(entry);
    if (!this.#scheduled && this.#active) this.#ring();
  }

  addTimer(entry: TimerEntry, now: number): void {
    this.#timers.push(entry);
    if (entry.whenDue <= now) this.#timersDirty = true;
    if (this.#scheduled || !this.#active) return;
    if (this.#parkedUntil === null || entry.whenDue < this.#parkedUntil) this.#ring();
  }

  noteDeadTimer(): void {
    this.#timers.noteDead();
  }

  /** A fatal error came out of an entry or of the turn that followed it. */
  fail(error: unknown): void {
    if (!this.onFatal(error)) return;
    this.#remaining = 0;
    this.#active = false;
  }

  /** Tells `end` when the turn that the current entry begins is over. Only from within an entry's `run`. */
  atEndOfTurn(end: TurnEnd): void {
    this.#turnEnd = end;
  }

  /** Makes the drain look at the timers and the ready queue again. */
  wake(): void {
    this.#timersDirty = true;
    if (!this.#scheduled && this.#active) this.#ring();
  }

  #ring(): void {
    // In this order: where the stack has run out, the drain is not woken and may be woken later.
    this.#bell();
    this.#scheduled = true;
  }

  /**
   * The drain starts in the root async context: a reaction that was made there, resolved by the call that makes the first entry
   * ready. Entering a snapshot instead costs twenty times as much on Deno.
   */
  #armBell(): void {
    new Promise<void>((resolve) => {
      this.#bell = resolve;
    }).then(this.#begin);
  }

  #begin = (): void => {
    this.#lastTick = this.host.tick();
    this.#sliceStart = this.#lastTick;
    this.#drain();
  };

  #resumeSlice = (): void => {
    this.#timersDirty = true;
    this.#begin();
  };

  #drain = (): void => {
    for (;;) {
      if (this.#turn !== null && this.#awaitTurn(this.#turn)) return;
      if (this.#timed !== null) this.#tellTime();
      if (this.#remaining === 0 && this.#nextIteration()) return;
      if (--this.#untilLook <= 0 && this.#sliceIsOver()) {
        this.host.hop(this.#resumeSlice);
        return;
      }
      this.#remaining--;
      const entry = this.#ready.take();
      if (this.onRan !== null) {
        this.#timed = entry;
        this.#timedSince = this.host.now();
      }
      let turn: Turn | null = null;
      try {
        turn = entry.run();
      } catch (error) {
        this.fail(error);
      }
      if (turn !== null) {
        this.#turn = turn;
        this.#stamp = turn.activity;
        this.#hops = 1;
        this.host.microtask(this.#drain);
        return;
      }
    }
  };

  /** True when the drain has to come back later. */
  #awaitTurn(turn: Turn): boolean {
    if (turn.activity === this.#stamp && this.#hops <= HOPS) {
      if (this.#hops++ < HOPS) this.host.microtask(this.#drain);
      else this.host.afterMicrotasks(this.#drain);
      return true;
    }
    this.#turn = null;
    this.line = null;
    const end = this.#turnEnd;
    if (end !== null) {
      this.#turnEnd = null;
      end.turnOver();
    }
    return false;
  }

  #tellTime(): void {
    const entry = this.#timed!;
    this.#timed = null;
    this.onRan?.(entry, this.host.now() - this.#timedSince);
  }

  /** Begins the next iteration. True when there is none now. */
  #nextIteration(): boolean {
    if ((this.#stopRequested && this.#ranBatch) || !this.#active) {
      this.#leave();
      return true;
    }
    if (this.#timers.size > 0) this.#collectTimers();
    this.#ranBatch = true;
    const count = this.#ready.size;
    if (count > 0) {
      this.#remaining = count;
      if (this.random !== null) permute(this.#ready, count, this.random);
      return false;
    }
    if (this.#stopRequested || this.#untilIdle) this.#leave();
    else this.#park();
    return true;
  }

  #collectTimers(): void {
    if (this.#untilIdle) return;
    const tick = this.host.tick();
    if (tick !== this.#lastTick) {
      this.#lastTick = tick;
      this.#timersDirty = true;
    }
    if (!this.#timersDirty) return;
    this.#timersDirty = false;
    this.#timers.runDue(this.host.now());
  }

  #sliceIsOver(): boolean {
    this.#untilLook = ENTRIES_PER_LOOK;
    const tick = this.host.tick();
    if (tick !== this.#lastTick) {
      this.#lastTick = tick;
      this.#timersDirty = true;
    }
    // A clock that was set back counts as a full slice.
    const passed = tick - this.#sliceStart;
    return passed >= SLICE || passed < 0;
  }

  #park(): void {
    this.#scheduled = false;
    this.#armBell();
    this.#parkedUntil = this.#timers.nextTime();
    this.host.park(this.#parkedUntil, this.#unparked);
    if (this.#parkedUntil === null) this.onIdle?.();
  }

  #unparked = (): void => {
    this.#parkedUntil = null;
    this.wake();
  };

  #leave(): void {
    this.#active = false;
    this.#scheduled = false;
    this.#stopRequested = false;
    this.#untilIdle = false;
    this.#armBell();
    this.host.unpark();
    this.onStop();
  }
}

/** Puts those of the first `count` entries that may move into an order of the testing loop's choice. */
function permute(ready: RingBuffer<ReadyEntry>, count: number, random: () => number): void {
  const places: number[] = [];
  for (let place = 0; place < count; place++) {
    if (ready.at(place).inOrder !== true) places.push(place);
  }
  for (let last = places.length - 1; last > 0; last--) {
    ready.swap(places[last]!, places[Math.floor(random() * (last + 1))]!);
  }
}
