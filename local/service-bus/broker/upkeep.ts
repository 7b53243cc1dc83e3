import type { Locks } from "./locks.js";
import type { Message, MessageLock, MessageStatus } from "./model.js";
import type { Shelf } from "./shelf.js";
import type { Step } from "./transitions.js";

/** Messages that one commit moves or removes at most, so that nobody waits long behind it. */
const MOST_AT_ONCE = 1_000;

export interface UpkeepOptions {
  readonly shelfOf: (status: MessageStatus) => Shelf;
  readonly locksOf: (message: Message) => Locks;
  /** The status of a message that starts anew: at the end, with a new number. */
  readonly anew: (message: Message) => MessageStatus;
  readonly finish: (steps: readonly Step[]) => Promise<void>;
  readonly giveBack: (lock: MessageLock) => void;
}

/** What tools do to the messages of a queue, in whatever state they are; what is locked is left alone. */
export class Upkeep {
  readonly #options: UpkeepOptions;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Moves dead letters back, as if they were new: at the end, with a new number, time to live and count. Resolves to how many. */
  redrive(messages: readonly Message[]): Promise<number> {
    return this.#finishUnlocked(messages, (message) => [this.#options.anew(message), "redriven"]);
  }

  /** Removes messages. Resolves to how many are gone. */
  purge(messages: readonly Message[]): Promise<number> {
    return this.#finishUnlocked(messages, () => [undefined, "purged"]);
  }

  async #finishUnlocked(
    messages: readonly Message[],
    next: (message: Message) => readonly [MessageStatus | undefined, Step[2]],
  ): Promise<number> {
    const { shelfOf, locksOf, finish, giveBack } = this.#options;
    let done = 0;
    for (let start = 0; start < messages.length; start += MOST_AT_ONCE) {
      // The rest may have gone, or been locked, while this was written.
      const free = messages
        .slice(start, start + MOST_AT_ONCE)
        .filter((message) => message.lock === undefined && shelfOf(message.status).has(message));
      const steps = free.map((message): Step => {
        shelfOf(message.status).active.remove(message);
        message.session?.active.remove(message);
        const outcome = next(message);
        return [locksOf(message).lock(message), ...outcome];
      });
      if (steps.length === 0) continue;
      await finish(steps).catch((error: unknown) => {
        for (const [lock] of steps) giveBack(lock);
        throw error;
      });
      done += steps.length;
    }
    return done;
  }
}
