import type { Clock } from "../../clock/clock.js";
import type { Deadlines } from "./deadlines.js";
import type { Journal } from "./journal.js";

/** What the queues of a broker share. */
export interface QueueContext {
  readonly clock: Clock;
  readonly wallTime: Deadlines;
  readonly uptime: Deadlines;
  readonly journal: Journal;
  /** A token that nobody can guess, for a lock. */
  readonly newToken: () => string;
  /** Told of what went wrong while nobody waited. */
  readonly onFailure: (error: unknown) => void;
}
