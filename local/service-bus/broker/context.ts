import type { Clock } from "../../clock/clock.js";
import type { Contents } from "./contents.js";
import type { Deadlines } from "./deadlines.js";
import type { Journal } from "./journal.js";
import type { QueueObserver } from "./observer.js";

/** What the queues of a broker share. */
export interface QueueContext {
  readonly clock: Clock;
  readonly wallTime: Deadlines;
  readonly uptime: Deadlines;
  readonly journal: Journal;
  readonly contents: Contents;
  /** Who watches the queue of this name. */
  readonly observe: (queue: string) => QueueObserver;
  /** A token that nobody can guess, for a lock. */
  readonly newToken: () => string;
  /** Told of what went wrong while nobody waited. */
  readonly onFailure: (error: unknown) => void;
}
