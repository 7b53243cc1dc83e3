import type { Clock } from "../../clock/clock.js";
import type { Deadlines } from "./deadlines.js";

/**
 * The message ids that a queue has seen within its window (SB-44 to SB-47). The window counts from the first send and outlives the
 * message. It is the same for all, so the ids expire in the order in which they came.
 */
export class Duplicates {
  readonly #seen = new Map<string, { readonly at: number; readonly stored: Promise<void> }>();
  readonly #window: () => number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #onForgotten: (messageIds: readonly string[]) => void;
  #armed = false;

  constructor(options: {
    /** In milliseconds. */
    readonly window: () => number;
    readonly clock: Clock;
    /** In wall time. */
    readonly deadlines: Deadlines;
    readonly onForgotten: (messageIds: readonly string[]) => void;
  }) {
    this.#window = options.window;
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
    this.#onForgotten = options.onForgotten;
  }

  /** Resolves when the first message with this id is stored, rejects when it could not be; undefined when the id is new. */
  find(messageId: string): Promise<void> | undefined {
    const seen = this.#seen.get(messageId);
    return seen !== undefined && this.#clock.now() < seen.at + this.#window() ? seen.stored : undefined;
  }

  /** `stored` rejects when the message could not be stored: then its id does not count. */
  add(messageId: string, at: number, stored: Promise<void>): void {
    this.#seen.delete(messageId);
    const entry = { at, stored };
    this.#seen.set(messageId, entry);
    stored.catch(() => {
      if (this.#seen.get(messageId) === entry) this.#seen.delete(messageId);
    });
    this.#arm();
  }

  ids(): Iterable<string> {
    return this.#seen.keys();
  }

  #arm(): void {
    const first = this.#seen.values().next();
    if (this.#armed || first.done === true) return;
    this.#armed = true;
    this.#deadlines.add(first.value.at + this.#window(), () => {
      this.#armed = false;
      this.#forget();
      this.#arm();
    });
  }

  #forget(): void {
    const now = this.#clock.now();
    const forgotten: string[] = [];
    for (const [messageId, { at }] of this.#seen) {
      if (now < at + this.#window()) break;
      forgotten.push(messageId);
      this.#seen.delete(messageId);
    }
    if (forgotten.length > 0) this.#onForgotten(forgotten);
  }
}
