import type { QueueContext } from "./context.js";
import type { Locks } from "./locks.js";
import type { Message } from "./model.js";
import { activated, type Step } from "./transitions.js";

const RETRY_MS = 1_000;

export interface ActivationOptions {
  readonly context: QueueContext;
  readonly locks: Locks;
  readonly takeNumber: () => number;
  readonly finish: (steps: readonly Step[]) => Promise<void>;
}

/** Scheduled messages whose time has come: they get a new number, which is written, before anybody sees them (SB-42). */
export class Activation {
  readonly #options: ActivationOptions;
  #running = 0;

  constructor(options: ActivationOptions) {
    this.#options = options;
  }

  /** Messages whose new number is being written. */
  get running(): number {
    return this.#running;
  }

  start(message: Message): void {
    if (message.lock !== undefined || message.status.state !== "scheduled") return;
    const { context, locks, takeNumber, finish } = this.#options;
    const lock = locks.lock(message);
    const next = activated(message.status, takeNumber(), context.clock.now());
    this.#running++;
    finish([[lock, next, "activated"]])
      .catch(context.onFailure)
      .finally(() => {
        this.#running--;
      });
  }

  /** The disk has refused an activation, or a cancellation during which the time came. */
  retry(message: Message): void {
    const { clock, uptime } = this.#options.context;
    if (message.deadline !== undefined && message.deadline.heapIndex >= 0) return;
    message.deadline = uptime.add(clock.uptime() + RETRY_MS, () => {
      this.start(message);
    });
  }
}
