import type { Clock } from "../../clock/clock.js";
import type { Contents } from "./contents.js";
import type { Deadlines } from "./deadlines.js";
import type { Change, Journal } from "./journal.js";
import type { IncomingMessage } from "./model.js";
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
  /** Takes a dead letter over into another queue, in one commit with what else is to be written. Rejects with a `BrokerError`. */
  readonly forward: (to: string, message: IncomingMessage, besides: readonly Change[]) => Promise<void>;
  /** Told of a queue that nobody has used for its `autoDeleteOnIdle`. */
  readonly onIdle: (queue: string) => void;
  /** Told of what went wrong while nobody waited. */
  readonly onFailure: (error: unknown) => void;
}
