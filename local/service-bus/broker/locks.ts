import type { Clock } from "../../clock/clock.js";
import type { Deadlines } from "./deadlines.js";
import type { Message, MessageLock, SessionLock } from "./model.js";

/**
 * Locks on messages. They run on uptime, so that a lock in use survives a jump of the clock, and they are not stored: after a
 * restart every message is free (SB-16).
 */
export class Locks {
  readonly #byToken = new Map<string, MessageLock>();
  readonly #duration: () => number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #newToken: () => string;
  readonly #onExpired: (lock: MessageLock) => void;

  constructor(options: {
    readonly duration: () => number;
    readonly clock: Clock;
    /** In uptime. */
    readonly deadlines: Deadlines;
    readonly newToken: () => string;
    readonly onExpired: (lock: MessageLock) => void;
  }) {
    this.#duration = options.duration;
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
    this.#newToken = options.newToken;
    this.#onExpired = options.onExpired;
  }

  get size(): number {
    return this.#byToken.size;
  }

  values(): Iterable<MessageLock> {
    return this.#byToken.values();
  }

  /** Locks a message for a while, or for as long as its session is locked. */
  lock(message: Message, owner?: SessionLock): MessageLock {
    const lock: MessageLock = {
      token: this.#newToken(),
      message,
      until: 0,
      deadline: undefined,
      settling: false,
      owner,
    };
    message.lock = lock;
    this.#byToken.set(lock.token, lock);
    if (owner === undefined) this.#start(lock);
    else owner.locks.add(lock);
    return lock;
  }

  /** The lock with this token, if a receiver still holds it. */
  find(token: string): MessageLock | undefined {
    const lock = this.#byToken.get(token);
    return lock !== undefined && this.isHeld(lock) ? lock : undefined;
  }

  isHeld(lock: MessageLock): boolean {
    return lock.message.lock === lock && !lock.settling && this.#clock.uptime() < untilOf(lock);
  }

  /** SB-10: any number of times. */
  renew(lock: MessageLock): void {
    if (lock.owner !== undefined) return;
    this.#deadlines.remove(lock.deadline);
    this.#start(lock);
  }

  /** Wall time at which the lock ends, as things stand: what a client is told. */
  lockedUntil(lock: MessageLock | SessionLock): number {
    return this.#clock.now() + Math.max(0, untilOf(lock) - this.#clock.uptime());
  }

  /** While a settlement is written the lock does not expire. */
  beginSettling(lock: MessageLock): void {
    lock.settling = true;
    this.#deadlines.remove(lock.deadline);
  }

  /** The settlement could not be written: the lock is held as before. */
  abortSettling(lock: MessageLock): void {
    lock.settling = false;
    if (lock.owner === undefined) {
      lock.deadline = this.#deadlines.add(lock.until, () => {
        this.#onExpired(lock);
      });
    }
  }

  /** Ends a lock; what becomes of its message is the caller's business. */
  release(lock: MessageLock): void {
    this.#byToken.delete(lock.token);
    this.#deadlines.remove(lock.deadline);
    lock.owner?.locks.delete(lock);
    if (lock.message.lock === lock) lock.message.lock = undefined;
  }

  #start(lock: MessageLock): void {
    lock.until = this.#clock.uptime() + this.#duration();
    lock.deadline = this.#deadlines.add(lock.until, () => {
      this.#onExpired(lock);
    });
  }
}

function untilOf(lock: MessageLock | SessionLock): number {
  return "owner" in lock && lock.owner !== undefined ? lock.owner.until : lock.until;
}
