import type { Clock } from "../../clock/clock.js";
import type { Deadline, Deadlines } from "./deadlines.js";

/**
 * Tells when nobody has used a queue for its `autoDeleteOnIdle`. Using it is what Azure's page on entities counts: sends, receives,
 * peeks, changes of its settings; while messages are scheduled, or a receiver is attached (our reading of "no receives"), it is in use.
 */
export class Idleness {
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #limit: () => number;
  readonly #isInUse: () => boolean;
  readonly #onIdle: () => void;
  #lastUse: number;
  #deadline: Deadline | undefined;

  constructor(options: {
    readonly clock: Clock;
    /** In wall time. */
    readonly deadlines: Deadlines;
    /** In milliseconds; Infinity when it is never deleted. */
    readonly limit: () => number;
    readonly isInUse: () => boolean;
    readonly onIdle: () => void;
  }) {
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
    this.#limit = options.limit;
    this.#isInUse = options.isInUse;
    this.#onIdle = options.onIdle;
    this.#lastUse = options.clock.now();
    this.#arm();
  }

  get isIdle(): boolean {
    return !this.#isInUse() && this.#clock.now() >= this.#lastUse + this.#limit();
  }

  used(): void {
    this.#lastUse = this.#clock.now();
  }

  /** The limit may be another one now. */
  changed(): void {
    this.used();
    this.#arm();
  }

  stop(): void {
    this.#deadlines.remove(this.#deadline);
  }

  /** One deadline, not one a use: it looks what has happened meanwhile. */
  #arm(since = this.#lastUse): void {
    this.#deadlines.remove(this.#deadline);
    if (this.#limit() === Infinity) return;
    this.#deadline = this.#deadlines.add(since + this.#limit(), () => {
      if (this.#isInUse()) this.used();
      if (!this.isIdle) {
        this.#arm();
        return;
      }
      this.#onIdle();
      // For the case that it cannot be deleted.
      this.#arm(this.#clock.now());
    });
  }
}
