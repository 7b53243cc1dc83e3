import type { Clock } from "../../clock/clock.js";
import type { Deadline, Deadlines } from "./deadlines.js";
import { roomOf, type Take } from "./dispatcher.js";
import { BrokerError, sessionLockLost } from "./error.js";
import { Heap } from "./heap.js";
import type { Message, Session, SessionLock } from "./model.js";
import type { SessionEvent } from "./observer.js";
import { SequenceIndex } from "./sequence-index.js";

/** Someone who waits for any session with work (SB-50). */
export interface Waiter {
  granted(lock: SessionLock): void;
  timedOut(): void;
  readonly onLost: () => void;
}

/** Cancels a wait; to be called when the waiter goes away. */
export type StopWaiting = () => void;

/**
 * The sessions of a queue: who holds which, which are free and have work, and who waits for one. A session is an entry in a map
 * while it has messages, a state or a holder; thousands of idle ones cost nothing.
 */
export class Sessions {
  readonly #sessions = new Map<string, Session>();
  /** Free sessions with active messages, the one with the lowest number first (SB-50). */
  readonly #ready = new Heap<Session>((a, b) => headOf(a) < headOf(b));
  readonly #waiters = new Map<Waiter, Deadline>();
  readonly #duration: () => number;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #take: (session: SessionLock) => Take;
  readonly #onEnded: (lock: SessionLock, lost: boolean) => void;
  readonly #tell: (event: SessionEvent, sessionId: string) => void;

  constructor(options: {
    readonly duration: () => number;
    readonly clock: Clock;
    /** In uptime. */
    readonly deadlines: Deadlines;
    readonly take: (session: SessionLock) => Take;
    /** The lock has ended: its messages' locks are to be ended as well. */
    readonly onEnded: (lock: SessionLock, lost: boolean) => void;
    readonly tell: (event: SessionEvent, sessionId: string) => void;
  }) {
    this.#duration = options.duration;
    this.#clock = options.clock;
    this.#deadlines = options.deadlines;
    this.#take = options.take;
    this.#onEnded = options.onEnded;
    this.#tell = options.tell;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get waiting(): number {
    return this.#waiters.size;
  }

  values(): Iterable<Session> {
    return this.#sessions.values();
  }

  /** The queue is going: nobody holds or waits for a session any more. */
  close(): void {
    for (const [waiter, deadline] of [...this.#waiters]) {
      this.#waiters.delete(waiter);
      this.#deadlines.remove(deadline);
      waiter.timedOut();
    }
    for (const { holder } of [...this.#sessions.values()]) if (holder !== undefined) this.end(holder, true);
  }

  find(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  at(id: string): Session {
    let session = this.#sessions.get(id);
    if (session === undefined) {
      session = {
        id,
        active: new Heap<Message>((a, b) => a.sequenceNumber < b.sequenceNumber),
        messages: new SequenceIndex<Message>(),
        holder: undefined,
        state: undefined,
        unfinished: 0,
        heapIndex: -1,
      };
      this.#sessions.set(id, session);
    }
    return session;
  }

  /** SB-49: also when the session does not exist yet. */
  accept(id: string, onLost: () => void): SessionLock {
    const session = this.at(id);
    if (session.holder !== undefined) {
      throw new BrokerError(
        "session-cannot-be-locked",
        `The requested session '${id}' cannot be accepted. It may be locked by another receiver.`,
      );
    }
    this.#ready.remove(session);
    return this.#grant(session, onLost);
  }

  /** Calls back `granted` at once or as soon as a session has work, or `timedOut` after `timeout` ms of uptime. */
  acceptNext(waiter: Waiter, timeout: number): StopWaiting {
    const session = this.#ready.pop();
    if (session !== undefined) {
      waiter.granted(this.#grant(session, waiter.onLost));
      return () => undefined;
    }
    const deadline = this.#deadlines.add(this.#clock.uptime() + timeout, () => {
      this.#waiters.delete(waiter);
      waiter.timedOut();
    });
    this.#waiters.set(waiter, deadline);
    return () => {
      this.#deadlines.remove(deadline);
      this.#waiters.delete(waiter);
    };
  }

  isHeld(lock: SessionLock): boolean {
    return lock.session.holder === lock && this.#clock.uptime() < lock.until;
  }

  /** SB-52. */
  renew(lock: SessionLock): void {
    if (!this.isHeld(lock)) throw sessionLockLost(lock.session.id);
    this.#deadlines.remove(lock.deadline);
    this.#start(lock);
  }

  /** SB-53: free at once. Does nothing when the lock has ended already. */
  end(lock: SessionLock, lost = false): void {
    const { session } = lock;
    if (session.holder !== lock) return;
    session.holder = undefined;
    this.#deadlines.remove(lock.deadline);
    if (lock.subscription !== undefined) lock.subscription.closed = true;
    this.#tell(lost ? "session-lost" : "session-released", session.id);
    // Before anybody else gets what it held.
    if (lost) lock.onLost();
    this.asOne(session, () => {
      this.#onEnded(lock, lost);
    });
  }

  /** A settlement has been written; its session may have been given back meanwhile, and waits for it then. */
  settlementEnded(owner: SessionLock): void {
    if (owner.session.holder !== owner) owner.session.unfinished--;
  }

  /** Several changes of a session, between which nobody gets anything of it. */
  asOne(session: Session, change: () => void): void {
    session.unfinished++;
    change();
    session.unfinished--;
    this.changed(session);
  }

  /** Messages that could be received now. */
  available(): number {
    let sum = 0;
    for (const session of this.#sessions.values()) sum += session.active.size;
    return sum;
  }

  /** The session's messages, holder or state have changed: serves whom it concerns. */
  changed(session: Session): void {
    if (session.holder !== undefined) {
      this.pump(session.holder);
      return;
    }
    if (session.active.size === 0 || session.unfinished > 0) {
      this.#ready.remove(session);
      this.#forgetIfEmpty(session);
      return;
    }
    const waiting = this.#waiters.entries().next();
    if (waiting.done === true) {
      if (this.#ready.has(session)) this.#ready.moved(session);
      else this.#ready.push(session);
      return;
    }
    const [waiter, deadline] = waiting.value;
    this.#waiters.delete(waiter);
    this.#deadlines.remove(deadline);
    waiter.granted(this.#grant(session, waiter.onLost));
  }

  /** Hands the session's messages over in their order, many in flight (SB-51). */
  pump(lock: SessionLock): void {
    const { session, subscription } = lock;
    if (subscription === undefined || session.holder !== lock || session.unfinished > 0) return;
    const take = this.#take(lock);
    while (session.active.size > 0 && roomOf(subscription) > 0) {
      const message = session.active.pop();
      if (message !== undefined) take(subscription, message);
    }
  }

  #grant(session: Session, onLost: () => void): SessionLock {
    const lock: SessionLock = {
      session,
      until: 0,
      deadline: undefined,
      locks: new Set(),
      onLost,
      subscription: undefined,
    };
    session.holder = lock;
    this.#start(lock);
    this.#tell("session-accepted", session.id);
    return lock;
  }

  #start(lock: SessionLock): void {
    lock.until = this.#clock.uptime() + this.#duration();
    lock.deadline = this.#deadlines.add(lock.until, () => {
      this.end(lock, true);
    });
  }

  #forgetIfEmpty(session: Session): void {
    if (session.messages.size === 0 && session.state === undefined && session.unfinished === 0) {
      this.#sessions.delete(session.id);
    }
  }
}

function headOf(session: Session): number {
  return session.active.peek()?.sequenceNumber ?? Infinity;
}
