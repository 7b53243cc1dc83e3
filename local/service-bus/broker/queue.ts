import { Activation } from "./activation.js";
import { deferredWith, scheduledWith } from "./by-number.js";
import type { QueueContext } from "./context.js";
import type { QueueCounts } from "./counts.js";
import { newSubscription, type Take } from "./dispatcher.js";
import { messageLockLost, notAllowed, type BrokerError, sessionLockLost, storageRefused } from "./error.js";
import { Forwarding } from "./forwarding.js";
import { Idleness } from "./idleness.js";
import { Intake } from "./intake.js";
import type { Change } from "./journal.js";
import { Locks } from "./locks.js";
import type {
  Consumer,
  Message,
  MessageLock,
  MessageStatus,
  Outcome,
  ReceiveMode,
  SessionLock,
  Subscription,
} from "./model.js";
import { eventsOf, SETTLED, type MessageEvent, type QueueObserver } from "./observer.js";
import { Placement } from "./placement.js";
import {
  duplicateForgotten,
  messageRemoved,
  nextNumber,
  numberForgotten,
  sessionStateSet,
  statusChanged,
} from "./records.js";
import { Sessions } from "./sessions.js";
import type { QueueSettings } from "./settings.js";
import { Shelf, type Place } from "./shelf.js";
import { expired, expiryOf, failed, settled, type Step } from "./transitions.js";
import { Upkeep } from "./upkeep.js";

/** A queue and its dead-letter queue. Every change is committed before it is answered; locks are in memory only. */
export class Queue {
  readonly settings: QueueSettings;
  readonly intake: Intake;
  readonly sessions: Sessions;
  readonly upkeep: Upkeep;
  readonly #context: QueueContext;
  readonly #observer: QueueObserver;
  readonly #shelves: Readonly<Record<Place, Shelf>>;
  readonly #locks: Readonly<Record<Place, Locks>>;
  readonly #activation: Activation;
  readonly #placement: Placement;
  readonly #forwarding: Forwarding;
  readonly #idleness: Idleness;
  #receivers = 0;
  #sizeInBytes = 0;

  constructor(settings: QueueSettings, context: QueueContext) {
    // A copy of its own, for it may be changed.
    this.settings = { ...settings };
    this.#context = context;
    this.#observer = context.observe(settings.name);
    const { clock, uptime: deadlines, newToken } = context;
    const duration = (): number => this.settings.lockDuration;
    const onExpired = this.#fail.bind(this);
    const locks = { duration, clock, deadlines, newToken, onExpired };
    this.#locks = { main: new Locks(locks), "dead-letter": new Locks(locks) };
    const take: Take = this.#take.bind(this);
    this.#shelves = { main: new Shelf(take), "dead-letter": new Shelf(take) };
    this.sessions = new Sessions({
      duration,
      clock,
      deadlines,
      take: (owner) => (subscription, message) => {
        this.#take(subscription, message, owner);
      },
      onEnded: (lock, lost) => {
        this.#sessionEnded(lock, lost);
      },
      tell: (event, sessionId) => {
        this.#observer.session(event, sessionId);
      },
    });
    this.intake = new Intake({
      settings: this.settings,
      context,
      store: (message) => {
        this.add(message);
      },
      sizeInBytes: () => this.#sizeInBytes,
      observer: this.#observer,
      onUse: () => {
        this.#idleness.used();
      },
    });
    const finish = this.#finishAll.bind(this);
    this.#activation = new Activation({
      context,
      finish,
      locks: this.#locks.main,
      takeNumber: () => this.intake.takeNumber(),
    });
    this.upkeep = new Upkeep({
      finish,
      shelfOf: (status) => this.#shelfOf(status),
      locksOf: (message) => this.#locksOf(message),
      anew: ({ status: { modified } }) => ({
        ...{ sequenceNumber: this.intake.takeNumber(), state: "active", enqueuedAt: clock.now(), deliveryCount: 0 },
        ...(modified === undefined ? {} : { modified }),
      }),
      giveBack: (lock) => void this.settle(lock, { kind: "release" }),
    });
    this.#forwarding = new Forwarding({
      ...{ settings: this.settings, context },
      letters: this.#shelves["dead-letter"],
      locks: this.#locks["dead-letter"],
      removal: (message) => this.#changes(message, undefined),
      gone: (message) => {
        this.#tell("forwarded", message, undefined);
        this.#apply(message, undefined);
      },
    });
    this.#placement = new Placement({
      ...{ settings: this.settings, context, sessions: this.sessions },
      ...{ activation: this.#activation, forwarding: this.#forwarding },
      shelfOf: (status) => this.#shelfOf(status),
      onExpired: this.#expire.bind(this),
    });
    this.#idleness = new Idleness({
      clock,
      deadlines: context.wallTime,
      limit: () => this.settings.autoDeleteOnIdle,
      isInUse: () => this.#receivers > 0 || this.sessions.waiting > 0 || this.#shelves.main.counts.scheduled > 0,
      onIdle: () => {
        context.onIdle(this.settings.name);
      },
    });
  }

  /** Open links that receive; kept by the links. */
  get receivers(): number {
    return this.#receivers;
  }

  set receivers(count: number) {
    this.#receivers = count;
    this.#idleness.used();
  }

  /** Whether it is to be deleted, for nobody uses it. */
  get isIdle(): boolean {
    return this.#idleness.isIdle;
  }

  // Receiving

  /** Competing consumers; for a session use `receiveFromSession`. The subscription does nothing until it is woken. */
  subscribe(place: Place, consumer: Consumer, mode: ReceiveMode): Subscription {
    if (this.settings.requiresSession && place === "main") {
      throw notAllowed("for an entity that requires sessions to create a non-sessionful message receiver");
    }
    return newSubscription(consumer, mode);
  }

  wake(place: Place, subscription: Subscription): void {
    this.#shelves[place].dispatcher.wake(subscription);
  }

  /** SB-15: the locks of a closed receiver stay until they end. */
  unsubscribe(place: Place, subscription: Subscription): void {
    this.#shelves[place].dispatcher.remove(subscription);
  }

  receiveFromSession(lock: SessionLock, consumer: Consumer, mode: ReceiveMode): Subscription {
    lock.subscription = newSubscription(consumer, mode);
    return lock.subscription;
  }

  /** SB-38 to SB-40. Fails as a whole when one number is unknown, not deferred or locked. */
  async receiveDeferred(
    place: Place,
    numbers: readonly number[],
    mode: ReceiveMode,
    sessionId?: string,
  ): Promise<readonly { readonly message: Message; readonly lock: MessageLock | undefined }[]> {
    this.#idleness.used();
    const owner = place === "main" && this.settings.requiresSession ? this.#holderOf(sessionId) : undefined;
    const found = deferredWith(numbers, this.#shelves[place], owner?.session);
    if (mode === "receive-and-delete") for (const message of found) message.content.pin();
    const locks = found.map((message) => this.#locks[place].lock(message, owner));
    for (const message of found) this.#tell("delivered", message, message.status);
    if (mode === "peek-lock") return locks.map((lock) => ({ message: lock.message, lock }));
    await this.#finishAll(locks.map((lock) => [lock, undefined, "completed"]));
    return found.map((message) => ({ message, lock: undefined }));
  }

  /** SB-58. */
  peek(place: Place, from: number, count: number, sessionId?: string): readonly Message[] {
    this.#idleness.used();
    if (place === "dead-letter" || !this.settings.requiresSession)
      return this.#shelves[place].messages.from(from, count);
    if (sessionId === undefined) {
      throw notAllowed("to peek an entity that requires sessions without a session");
    }
    return this.sessions.find(sessionId)?.messages.from(from, count) ?? [];
  }

  /** As `peek`, but of all sessions: for tools. */
  browse(place: Place, from: number, count: number): readonly Message[] {
    return this.#shelves[place].messages.from(from, count);
  }

  // Locks

  findLock(place: Place, token: string): MessageLock {
    const lock = this.#locks[place].find(token);
    if (lock === undefined) throw messageLockLost();
    return lock;
  }

  lockedUntil(lock: MessageLock | SessionLock): number {
    return this.#locks.main.lockedUntil(lock);
  }

  renew(place: Place, lock: MessageLock): void {
    this.#locks[place].renew(lock);
  }

  /** The lock of a session that somebody holds. */
  heldSession(sessionId: string): SessionLock {
    return this.#holderOf(sessionId);
  }

  /** Settles a locked message; rejects when the lock is not held any more, or when the disk refuses. */
  async settle(lock: MessageLock, outcome: Outcome): Promise<void> {
    this.#idleness.used();
    const { message, owner } = lock;
    const locks = this.#locksOf(message);
    if (!locks.isHeld(lock)) throw owner === undefined ? messageLockLost() : sessionLockLost(owner.session.id);
    if (outcome.kind === "dead-letter" && message.status.deadLetter !== undefined) {
      locks.release(lock);
      this.#apply(message, message.status);
      throw notAllowed("to dead-letter a message of a dead-letter queue");
    }
    const next = settled(message, outcome, this.settings, this.#context.clock.now());
    if (next === message.status) {
      locks.release(lock);
      this.#tell(SETTLED[outcome.kind], message, next);
      this.#apply(message, next);
      return;
    }
    await this.#finishAll([[lock, next, SETTLED[outcome.kind]]]);
  }

  locksOf(place: Place): Iterable<MessageLock> {
    return this.#locks[place].values();
  }

  /** The lock ends now, or its session's does, as if its time were over. */
  loseLock(lock: MessageLock): void {
    if (lock.owner !== undefined) this.sessions.end(lock.owner, true);
    else if (this.#locksOf(lock.message).isHeld(lock)) this.#fail(lock);
  }

  // Upkeep, for tools

  /** What cannot be changed (name, sessions, duplicate detection) must be the same. Holds for waiting messages, too. */
  update(settings: QueueSettings): void {
    Object.assign(this.settings, settings);
    this.#idleness.changed();
    this.#forwarding.changed();
    for (const message of [...this.#shelves["dead-letter"].messages.values()])
      if (message.lock === undefined) this.#apply(message, message.status);
    for (const message of [...this.#shelves.main.messages.values()]) {
      if (message.lock === undefined) this.#apply(message, message.status);
      else message.expiresAt = expiryOf(message.status, message.timeToLive, this.settings);
    }
  }

  /** Ends all use of the queue and removes everything that is on disk of it. */
  async destroy(reason: BrokerError): Promise<void> {
    const { journal } = this.#context;
    this.intake.close(reason);
    this.sessions.close();
    this.#forwarding.close();
    this.#idleness.stop();
    // What is being written must be in its place, to be removed with the rest.
    await journal.commit([]);
    const messages = [...this.#shelves.main.messages.values(), ...this.#shelves["dead-letter"].messages.values()];
    for (const message of messages) {
      if (message.lock !== undefined) this.#locksOf(message).release(message.lock);
      this.#placement.remove(message);
    }
    const { name } = this.settings;
    const changes = messages.flatMap((message) => messageRemoved(name, message.id, message.statusStored));
    for (const messageId of this.intake.duplicates?.ids() ?? []) changes.push(duplicateForgotten(name, messageId));
    for (const { id, state } of this.sessions.values()) {
      if (state !== undefined) changes.push(sessionStateSet(name, id, undefined));
    }
    changes.push(numberForgotten(name));
    await journal.commit(changes).catch((error: unknown) => {
      throw storageRefused(error);
    });
  }

  // Scheduling

  /** SB-43: all of them or none. */
  async cancelScheduled(numbers: readonly number[]): Promise<void> {
    const found = scheduledWith(numbers, this.#shelves.main);
    await this.#finishAll(found.map((message) => [this.#locks.main.lock(message), undefined, "canceled"]));
  }

  // Session state

  /** SB-54. */
  sessionState(sessionId: string): Uint8Array | undefined {
    return this.#holderOf(sessionId).session.state;
  }

  async setSessionState(sessionId: string, state: Uint8Array | undefined): Promise<void> {
    const { session } = this.#holderOf(sessionId);
    const growth = (state?.length ?? 0) - (session.state?.length ?? 0);
    if (growth > 0) this.intake.checkQuota(growth);
    this.#sizeInBytes += growth;
    const before = session.state;
    session.state = state;
    try {
      await this.#context.journal.commit([sessionStateSet(this.settings.name, sessionId, state)]);
    } catch (error) {
      this.#sizeInBytes -= growth;
      session.state = before;
      throw storageRefused(error);
    }
    this.sessions.changed(session);
  }

  // Recovery and counts

  /** Puts a stored message in its place: a new one, or one that was read from disk. */
  add(message: Message): void {
    this.#sizeInBytes += message.content.length;
    this.#placement.place(message, message.status);
    if (message.session !== undefined) this.sessions.changed(message.session);
    else this.#shelfOf(message.status).dispatcher.pump();
  }

  recoverSessionState(sessionId: string, state: Uint8Array): void {
    this.sessions.at(sessionId).state = state;
    this.#sizeInBytes += state.length;
  }

  counts(): QueueCounts {
    const { main, "dead-letter": dead } = this.#shelves;
    return {
      active: main.counts.active,
      locked: this.#locks.main.size,
      scheduled: main.counts.scheduled,
      due: main.active.size + this.sessions.available() + this.#activation.running,
      deferred: main.counts.deferred,
      deadLetter: dead.messages.size,
      deadLetterLocked: this.#locks["dead-letter"].size,
      sizeInBytes: this.#sizeInBytes,
    };
  }

  #take(subscription: Subscription, message: Message, owner?: SessionLock): void {
    if (this.#context.clock.now() >= message.expiresAt) {
      this.#expire(message);
      return;
    }
    const lock = this.#locksOf(message).lock(message, owner);
    this.#tell("delivered", message, message.status);
    try {
      if (subscription.mode === "peek-lock") {
        subscription.consumer.deliver(message, lock);
        return;
      }
      message.content.pin();
    } catch (error) {
      // The disk does not give its content: a delivery that comes to nothing when the lock ends. Others go on.
      this.#context.onFailure(error);
      return;
    }
    // SB-21: gone when sent. So it goes first: a crash may lose it, but never deliver it twice.
    subscription.pending++;
    this.#finishAll([[lock, undefined, "completed"]])
      .then(() => {
        subscription.pending--;
        subscription.consumer.deliver(message, undefined);
      })
      .catch((error: unknown) => {
        subscription.pending--;
        this.#context.onFailure(error);
      });
  }

  /** Writes what becomes of locked messages, all or nothing, and then lets it happen. */
  async #finishAll(steps: readonly Step[]): Promise<void> {
    for (const [lock] of steps) this.#locksOf(lock.message).beginSettling(lock);
    try {
      await this.#context.journal.commit(steps.flatMap(([lock, next]) => this.#changes(lock.message, next)));
    } catch (error) {
      for (const [lock] of steps) this.#abort(lock);
      throw storageRefused(error);
    }
    for (const [lock, next, event] of steps) {
      this.#tell(event, lock.message, next);
      this.#locksOf(lock.message).release(lock);
      if (lock.owner !== undefined) this.sessions.settlementEnded(lock.owner);
      this.#apply(lock.message, next);
    }
  }

  #abort(lock: MessageLock): void {
    const { message, owner } = lock;
    const locks = this.#locksOf(message);
    if (message.status.state === "scheduled") {
      locks.release(lock);
      this.#activation.retry(message);
    } else if (owner === undefined || owner.session.holder === owner) {
      // Held as before; for a taken message its end is the moment to try again.
      locks.abortSettling(lock);
    } else {
      locks.release(lock);
      this.sessions.settlementEnded(owner);
      this.#apply(message, message.status);
    }
  }

  /** SB-12: a delivery that came to nothing. Nobody waits for the disk: after a crash the lock would have ended as well. */
  #fail(lock: MessageLock): void {
    const { message } = lock;
    this.#locksOf(message).release(lock);
    const next = failed(message, this.settings, this.#context.clock.now());
    this.#tell("lock-lost", message, next);
    if (next !== message.status) this.#context.journal.background(this.#changes(message, next));
    this.#apply(message, next);
  }

  #sessionEnded(lock: SessionLock, lost: boolean): void {
    for (const messageLock of [...lock.locks]) {
      if (messageLock.settling) {
        lock.session.unfinished++;
      } else if (lost) {
        this.#fail(messageLock);
      } else {
        // SB-53: given back, no delivery has failed.
        const { message } = messageLock;
        this.#locks.main.release(messageLock);
        const next = settled(message, { kind: "release" }, this.settings, this.#context.clock.now());
        this.#tell("released", message, next);
        if (next !== message.status) this.#context.journal.background(this.#changes(message, next));
        this.#apply(message, next);
      }
    }
  }

  #expire(message: Message): void {
    const { session } = message;
    const all =
      session !== undefined && this.settings.expireWholeSession
        ? new Set([message, ...session.active.values()])
        : [message];
    const expireAll = (): void => {
      for (const each of all) {
        const next = expired(each.status, this.settings);
        this.#tell("expired", each, next);
        this.#context.journal.background(this.#changes(each, next));
        this.#apply(each, next);
      }
    };
    if (session === undefined) expireAll();
    else this.sessions.asOne(session, expireAll);
  }

  #tell(event: MessageEvent, message: Message, next: MessageStatus | undefined): void {
    for (const each of eventsOf(event, message, next)) this.#observer.message(each, message, next);
  }

  #apply(message: Message, next: MessageStatus | undefined): void {
    const { session } = message;
    this.#placement.remove(message);
    if (next === undefined) this.#sizeInBytes -= message.content.length;
    else this.#placement.place(message, next);
    if (session !== undefined) this.sessions.changed(session);
    if (next !== undefined && message.session === undefined) this.#shelfOf(next).dispatcher.pump();
  }

  #changes(message: Message, next: MessageStatus | undefined): Change[] {
    const { name } = this.settings;
    if (next !== undefined) {
      message.statusStored = true;
      return [statusChanged(name, message.id, next)];
    }
    const changes = messageRemoved(name, message.id, message.statusStored);
    if (message.sequenceNumber === this.#placement.highest) changes.push(nextNumber(name, this.intake.nextNumber));
    return changes;
  }

  #holderOf(sessionId: string | undefined): SessionLock {
    const holder = sessionId === undefined ? undefined : this.sessions.find(sessionId)?.holder;
    if (holder === undefined || !this.sessions.isHeld(holder)) throw sessionLockLost(sessionId ?? "");
    return holder;
  }

  #shelfOf(status: MessageStatus): Shelf {
    return this.#shelves[status.deadLetter === undefined ? "main" : "dead-letter"];
  }

  #locksOf(message: Message): Locks {
    return this.#locks[message.status.deadLetter === undefined ? "main" : "dead-letter"];
  }
}
