/**
 * Time, as every part of the local stack sees it.
 *
 * Two kinds, because a developer may move the clock by a day while a function runs:
 * - wall time: what `Date` says. It jumps, and may stand still. TTL, schedules, expiry and tokens follow it.
 * - uptime: monotonic. It never jumps and never stands. Locks in use, idle time-outs and the time-outs of running calls follow it, so that they
 *   survive a jump as they survive a laptop's suspension.
 */
export interface Clock {
  /** Wall time in milliseconds since the epoch. */
  now(): number;
  /** Monotonic milliseconds since some moment in the past. */
  uptime(): number;
  /** Calls back once as soon as `now() >= time`; at once (asynchronously) when the clock jumps over it. */
  at(time: number, callback: () => void): Timer;
  /** Calls back once when `ms` of uptime have passed. */
  after(ms: number, callback: () => void): Timer;
}

export interface Timer {
  cancel(): void;
}

/** The longest delay that `setTimeout` takes; a longer one would fire at once. */
const LONGEST_DELAY_MS = 2 ** 31 - 1;

/** The bus on which the preload (`local/clock/preload.ts`) announces jumps of this process's clock. */
export const JUMPS = Symbol.for("local.clock.jumps");

export interface Jumps extends EventTarget {
  /** Whether this process's `Date` stands still. */
  isFrozen?: boolean;
}

type WithJumps = typeof globalThis & { [JUMPS]?: Jumps };

/** The clock of a process: `Date` and `performance`, told of jumps when the process runs with the preload. */
export class SystemClock implements Clock {
  readonly #waiting = new Set<() => void>();

  constructor() {
    (globalThis as WithJumps)[JUMPS]?.addEventListener("jump", () => {
      for (const rearm of [...this.#waiting]) rearm();
    });
  }

  now(): number {
    return Date.now();
  }

  uptime(): number {
    return performance.now();
  }

  at(time: number, callback: () => void): Timer {
    let timeout: NodeJS.Timeout | undefined;
    const arm = (): void => {
      clearTimeout(timeout);
      const delay = Math.max(0, time - Date.now());
      // While the clock stands no time comes nearer; its next jump, or its release, arms this again.
      if (delay > 0 && (globalThis as WithJumps)[JUMPS]?.isFrozen === true) return;
      timeout = setTimeout(
        () => {
          if (Date.now() < time) {
            arm();
            return;
          }
          this.#waiting.delete(arm);
          callback();
        },
        Math.min(delay, LONGEST_DELAY_MS),
      );
    };
    arm();
    this.#waiting.add(arm);
    return {
      cancel: () => {
        clearTimeout(timeout);
        this.#waiting.delete(arm);
      },
    };
  }

  after(ms: number, callback: () => void): Timer {
    const timeout = setTimeout(callback, Math.min(ms, LONGEST_DELAY_MS));
    return {
      cancel: () => {
        clearTimeout(timeout);
      },
    };
  }
}

interface Appointment {
  readonly due: () => number;
  readonly time: number;
  readonly callback: () => void;
}

/** A clock that moves only when told: for tests of anything that takes a `Clock`. */
export class ManualClock implements Clock {
  #now: number;
  #uptime = 0;
  readonly #appointments = new Set<Appointment>();

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  uptime(): number {
    return this.#uptime;
  }

  at(time: number, callback: () => void): Timer {
    return this.#add({ time, due: () => this.#now, callback });
  }

  after(ms: number, callback: () => void): Timer {
    return this.#add({ time: this.#uptime + ms, due: () => this.#uptime, callback });
  }

  /** Lets `ms` pass: both kinds of time move, and what falls due is called in order of time. */
  advance(ms: number): void {
    const end = this.#uptime + ms;
    for (;;) {
      const next = this.#next();
      const step = next === undefined ? Infinity : Math.max(0, next.time - next.due());
      if (next === undefined || this.#uptime + step > end) break;
      this.#move(step);
      this.#call(next);
    }
    this.#move(end - this.#uptime);
  }

  /** Moves wall time only, as `POST /time` does to a running stack. */
  jump(ms: number): void {
    this.#now += ms;
    for (;;) {
      const next = this.#next();
      if (next === undefined || next.time > next.due()) break;
      this.#call(next);
    }
  }

  #add(appointment: Appointment): Timer {
    this.#appointments.add(appointment);
    return {
      cancel: () => {
        this.#appointments.delete(appointment);
      },
    };
  }

  #next(): Appointment | undefined {
    let next: Appointment | undefined;
    for (const each of this.#appointments) {
      if (next === undefined || each.time - each.due() < next.time - next.due()) next = each;
    }
    return next;
  }

  #call(appointment: Appointment): void {
    this.#appointments.delete(appointment);
    appointment.callback();
  }

  #move(ms: number): void {
    this.#now += ms;
    this.#uptime += ms;
  }
}
