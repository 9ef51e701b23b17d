import { type Host, RuntimeHost } from "../runtime/core/host.ts";

/**
 * What stands between the clock and its next jump:
 *
 * - `nothing`: no part of the program is outside the loop.
 * - `given up`: what is outside has had its time, or is not to be waited for.
 * - `quiet`: bytes may be on their way; the clock jumps once real time has passed without any.
 * - `still`: something outside is under way; the clock stands.
 * - `real`: something outside has been under way for long; the clock runs as the wall's does.
 */
export type Hold = "nothing" | "given up" | "quiet" | "still" | "real";

/** The loop, as the clock sees it. */
export interface ClockOwner {
  /** Nothing is ready and no drain is on its way. */
  readonly idle: boolean;
  hold(): Hold;
  /** All that can run without moving the clock has run. True when a waiter for that was woken. */
  settled(thoroughly: boolean): boolean;
  /** There is no timer, and so it has been for this many real milliseconds: after how many to come again; null: never. */
  stuck(milliseconds: number): number | null;
  /** The time limit has come. */
  timedOut(): void;
}

/** Macrotasks that pass without any work before the clock jumps, where something may be outside. */
const HOPS = 2;
/** Real milliseconds in which the clock may jump again and again before a macrotask passes. */
const SLICE = 4;
/**
 * The same while bytes may be on their way, and how many real milliseconds at least. Timers lie in between: Deno looks for
 * bytes only now and then while one macrotask follows the other.
 */
const QUIET_HOPS = 5;
const QUIET = 10;
const QUIET_LOOK = 2;
/** Milliseconds between two looks at what is under way outside: at first, and at most. */
const FIRST_LOOK = 2;
const LAST_LOOK = 50;

interface Park {
  readonly deadline: number | null;
  readonly wake: () => void;
  readonly since: number;
  hops: number;
  look: number;
  /** Real time up to which the clock has followed. */
  followed: number | null;
}

interface Timers {
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

const timers = globalThis as unknown as Timers;

/**
 * The runtime's own host with a clock of its own: it stands still while something can run, and jumps to the next timer when
 * nothing can. Everything else is real, the slices too, so that sockets and host timers are served as in production.
 */
export class VirtualHost implements Host {
  /** Set by the loop once it exists. */
  owner: ClockOwner | null = null;
  /** Loop time at which the program has taken too long. */
  limit: number;
  readonly #real: RuntimeHost = new RuntimeHost();
  #now: number;
  #park: Park | null = null;
  #timer: unknown = null;
  /** Callbacks that wait for a macrotask: a deadline looks in one whether its body has taken its cancellation. */
  #hopping = 0;
  /** Real time of the last macrotask. */
  #sliceStart = 0;
  /** Loop times up to which the program moves the clock by hand. */
  readonly #targets: Set<{ readonly time: number }> = new Set();

  constructor(startTime: number, limit: number) {
    this.#now = startTime;
    this.limit = limit;
  }

  now(): number {
    return this.#now;
  }

  tick(): number {
    return this.#real.tick();
  }

  hop(callback: () => void): void {
    this.#hopping++;
    this.#real.hop(() => {
      this.#hopping--;
      callback();
    });
  }

  microtask(callback: () => void): void {
    this.#real.microtask(callback);
  }

  afterMicrotasks(callback: () => void): void {
    this.#real.afterMicrotasks(callback);
  }

  park(until: number | null, wake: () => void): void {
    this.unpark();
    const since = performance.now();
    // A timer without end is none: the clock would never come back from there.
    const deadline = until === Infinity ? null : until;
    const park = { deadline, wake, since, hops: 0, look: FIRST_LOOK, followed: null };
    this.#park = park;
    if (since - this.#sliceStart >= SLICE) this.#checkAfterHop(park);
    else {
      this.#real.afterMicrotasks(() => {
        if (this.#park === park) this.#checkInSlice(park);
      });
    }
  }

  unpark(): void {
    this.#park = null;
    if (this.#timer === null) return;
    timers.clearTimeout(this.#timer);
    this.#timer = null;
  }

  alarm(seconds: number, callback: () => void): void {
    this.#real.alarm(seconds, callback);
  }

  keepAlive(): () => void {
    return this.#real.keepAlive();
  }

  /** Until the returned function is called, jumps up to `time` wait for nothing outside. */
  moveTo(time: number): () => void {
    const target = { time };
    this.#targets.add(target);
    return () => this.#targets.delete(target);
  }

  /** As if the code that runs now took so many seconds. */
  spend(seconds: number): void {
    this.#now += seconds;
  }

  /** Looks again, now: what was looked at has changed. */
  lookAgain(): void {
    if (this.#park !== null) this.park(this.#park.deadline, this.#park.wake);
  }

  /** When the loop has run and parked again meanwhile, that park has a look of its own under way. */
  #checkAfterHop(park: Park): void {
    this.#real.hop(() => {
      if (this.#park !== park) return;
      this.#sliceStart = performance.now();
      this.#check(park);
    });
  }

  #checkInSlice(park: Park): void {
    const owner = this.owner!;
    if (!owner.idle) return;
    if (this.#hopping === 0 && owner.hold() === "nothing") this.#move(park);
    else this.#checkAfterHop(park);
  }

  #check(park: Park): void {
    const owner = this.owner!;
    // An entry became ready and its drain has not parked again: it will.
    if (!owner.idle) return;
    park.hops++;
    const byHand = this.#movesByHand(park.deadline);
    let hold = owner.hold();
    if (byHand && (hold === "still" || hold === "real")) hold = "quiet";
    const isQuiet = park.hops >= QUIET_HOPS && performance.now() - park.since >= QUIET;
    if (hold === "nothing" || hold === "given up") {
      const enough = hold === "nothing" ? this.#hopping === 0 : park.hops >= HOPS;
      if (enough) this.#move(park);
      else this.#checkAfterHop(park);
    } else if (hold === "quiet") {
      if (isQuiet) this.#move(park);
      else if (park.hops < HOPS) this.#checkAfterHop(park);
      else this.#checkLater(park, QUIET_LOOK);
    } else if (!isQuiet) this.#checkLater(park, QUIET_LOOK);
    else if (hold === "still") {
      park.followed = null;
      if (!owner.settled(false)) this.#checkLater(park, this.#nextLook(park));
    } else if (!owner.settled(true)) this.#follow(park);
  }

  #movesByHand(deadline: number | null): boolean {
    if (deadline === null) return false;
    for (const { time } of this.#targets) if (deadline <= time) return true;
    return false;
  }

  /** Nothing can happen at this time any more. */
  #move(park: Park): void {
    const owner = this.owner!;
    if (owner.settled(true)) return;
    if (park.deadline !== null) {
      this.#jump(park, park.deadline);
      return;
    }
    const delay = owner.stuck(performance.now() - park.since);
    if (delay !== null) this.#checkLater(park, Math.min(delay, this.#nextLook(park)));
  }

  #jump(park: Park, time: number): void {
    if (time > this.limit) {
      this.#now = this.limit;
      this.owner!.timedOut();
      return;
    }
    this.#now = Math.max(this.#now, time);
    if (park.deadline !== null && park.deadline <= this.#now) park.wake();
  }

  /** The clock goes on by the real time that has passed since the last look. */
  #follow(park: Park): void {
    const real = performance.now();
    const passed = park.followed === null ? 0 : (real - park.followed) / 1000;
    park.followed = real;
    const { deadline } = park;
    const time = this.#now + passed;
    if (deadline !== null && deadline <= time) {
      this.#jump(park, deadline);
      return;
    }
    if (time > this.limit) {
      this.#jump(park, time);
      return;
    }
    this.#now = time;
    const left = deadline === null ? LAST_LOOK : (deadline - time) * 1000;
    this.#checkLater(park, Math.min(left, this.#nextLook(park)));
  }

  #nextLook(park: Park): number {
    const look = park.look;
    park.look = Math.min(look * 2, LAST_LOOK);
    return look;
  }

  #checkLater(park: Park, milliseconds: number): void {
    this.#timer = timers.setTimeout(() => {
      this.#timer = null;
      if (this.#park === park) this.#check(park);
    }, milliseconds);
  }
}
