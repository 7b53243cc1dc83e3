import type { Clock, Timer } from "../../clock/clock.js";
import { Heap, type HeapItem } from "./heap.js";

export interface Deadline extends HeapItem {
  readonly due: number;
  /** Deadlines of the same moment fall due in the order in which they were set. */
  readonly order: number;
  readonly action: () => void;
}

/**
 * Any number of deadlines on one timer of the clock. A removed deadline leaves the timer alone: it fires once for nothing, which is
 * cheaper than arming it anew for each lock that is settled in time.
 */
export class Deadlines {
  readonly #heap = new Heap<Deadline>((a, b) => a.due < b.due || (a.due === b.due && a.order < b.order));
  readonly #time: () => number;
  readonly #arm: (due: number, callback: () => void) => Timer;
  #order = 0;
  #timer: { readonly due: number; readonly timer: Timer } | undefined;
  #running = false;
  #stopped = false;

  private constructor(time: () => number, arm: (due: number, callback: () => void) => Timer) {
    this.#time = time;
    this.#arm = arm;
  }

  /** Deadlines in wall time: they jump with the clock. */
  static ofWallTime(clock: Clock): Deadlines {
    return new Deadlines(
      () => clock.now(),
      (due, callback) => clock.at(due, callback),
    );
  }

  /** Deadlines in uptime: they survive a jump of the clock. */
  static ofUptime(clock: Clock): Deadlines {
    return new Deadlines(
      () => clock.uptime(),
      // A timer may fire a fraction of a millisecond early.
      (due, callback) => clock.after(Math.max(0, Math.ceil(due - clock.uptime())), callback),
    );
  }

  add(due: number, action: () => void): Deadline {
    const deadline: Deadline = { due, action, order: this.#order++, heapIndex: -1 };
    this.#heap.push(deadline);
    if (!this.#running) this.#armFor(due);
    return deadline;
  }

  remove(deadline: Deadline | undefined): void {
    if (deadline !== undefined) this.#heap.remove(deadline);
  }

  stop(): void {
    this.#timer?.timer.cancel();
    this.#timer = undefined;
    this.#stopped = true;
  }

  #armFor(due: number): void {
    if (this.#stopped) return;
    if (this.#timer !== undefined) {
      if (this.#timer.due <= due) return;
      this.#timer.timer.cancel();
    }
    const timer = this.#arm(due, () => {
      this.#timer = undefined;
      this.fallDue();
    });
    this.#timer = { due, timer };
  }

  /** Does what is due. The timer calls it; anybody may who cannot wait for the timer. */
  fallDue(): void {
    if (this.#running || this.#stopped) return;
    this.#running = true;
    const now = this.#time();
    for (let next = this.#heap.peek(); next !== undefined && next.due <= now; next = this.#heap.peek()) {
      this.#heap.pop();
      next.action();
    }
    this.#running = false;
    const next = this.#heap.peek();
    if (next !== undefined) this.#armFor(next.due);
  }
}
