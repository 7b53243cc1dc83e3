/** Trouble that somebody asked for: where the protocol may be disturbed. Who decides is handed in. */
import type { MessageLock } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";
import type { RheaLink } from "./rhea.js";

/**
 * `send`: messages have come; `stored`: they are on disk, and not answered; `deliver`: a message is about to go out; `settle`: a
 * settlement has come; `settled`: it is on disk, and not answered; `request`, `answer`: of `$management`.
 */
export type Moment = "send" | "stored" | "deliver" | "settle" | "settled" | "request" | "answer";

export interface Faults {
  /**
   * Undefined: nothing is to happen. Otherwise resolves when to go on, rejects with a `BrokerError`, or stays open because the
   * connection is gone. At `deliver` anything but undefined means that nothing goes out.
   */
  at(moment: Moment, queue: Queue, link: RheaLink, lock?: MessageLock): Promise<void> | undefined;
}
