/** Pauses after failures that last: a broker that is gone, a queue that is not there. */
import type { Clock } from "../../../clock/clock.js";

const SHORTEST_MS = 200;
const LONGEST_MS = 2_000;

export class BackOff {
  readonly #clock: Clock;
  readonly #wake = new Set<() => void>();
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  /** Whether this would be the first failure in a row, which alone is worth a line in the log. */
  get first(): boolean {
    return this.#failures === 0;
  }

  /** Waits 200 ms, 400 ms … 2 s. */
  wait(): Promise<void> {
    const ms = Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(this.#failures++, 10));
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#wake.delete(wake);
        resolve();
      };
      const timer = this.#clock.after(ms, wake);
      this.#wake.add(wake);
    });
  }

  /** Ends all pauses now. */
  cancel(): void {
    for (const wake of [...this.#wake]) wake();
  }
}
