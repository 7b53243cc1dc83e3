/**
 * What a few queues must hold: messages, their states, counts and order, in a few pure rules. A kill leaves doubts: what was under
 * way may have happened or not. The next look at the queues must agree with one of the possibilities, and ends the doubt.
 */
export const QUEUES = {
  plain: { maxDeliveryCount: 3, deadLettersExpired: true },
  sessions: { maxDeliveryCount: 3, deadLettersExpired: true },
  once: { maxDeliveryCount: 3, deadLettersExpired: false },
} as const;

export type QueueName = keyof typeof QUEUES;

/** What is known of a message while it exists. */
export interface Status {
  readonly state: "active" | "deferred" | "scheduled";
  /** Why it is in the dead-letter queue; undefined: it is not. */
  readonly reason: string | undefined;
  readonly count: number;
  /** Undefined until it has been seen: one above all that were. */
  readonly number: number | undefined;
  /** Wall time. */
  readonly expiresAt: number;
}

export type Fate = Status | undefined;

/** A message that was sent. */
export interface Entry {
  readonly id: string;
  readonly queue: QueueName;
  readonly session: string | undefined;
  readonly ttl: number;
  readonly scheduledFor: number | undefined;
  readonly body: string;
  /** As it was when it was last known. */
  status: Status;
  locked: boolean;
  /** What may have become of it, when that is not known. */
  doubts: readonly Fate[];
}

/** A message as it is found. */
export interface Seen {
  readonly id: string;
  readonly queue: QueueName;
  readonly state: string;
  readonly reason: string | undefined;
  readonly count: number;
  readonly number: number;
  readonly locked: boolean;
}

/** What a kill came into. */
export interface Interrupted {
  /** All of them or none. */
  readonly batches: Entry[][];
  /** In the order in which they were sent on one link: the later ones are not there without the earlier ones. */
  readonly sends: Entry[][];
  /** Taken for good, in order, at most so many of them. What has expired meanwhile is gone without having been taken. */
  readonly taken: { readonly from: readonly Entry[]; readonly most: number }[];
}

export const nothingInterrupted = (): Interrupted => ({ batches: [], sends: [], taken: [] });

export class Model {
  readonly entries = new Map<string, Entry>();
  /** Ids that a queue with duplicate detection has taken. */
  readonly taken = new Set<string>();
  /** Sessions that are held. */
  readonly held = new Set<string>();
  /** Of a session; more than one after a kill. */
  readonly states = new Map<string, (string | undefined)[]>();
  readonly #highest: Record<QueueName, number> = { plain: 0, sessions: 0, once: 0 };
  now: number;
  /** Names what is sent. */
  readonly name: string;
  /** How many of them have been done. */
  steps = 0;
  #sent = 0;

  constructor(name: string, now: number) {
    this.name = name;
    this.now = now;
  }

  nextId(): string {
    return `${this.name}-${this.#sent++}`;
  }

  /** In the order in which they are delivered. */
  available(queue: QueueName, isDead: boolean, session?: string): Entry[] {
    return this.all(queue)
      .filter(({ status, locked }) => status.state === "active" && !locked && (status.reason !== undefined) === isDead)
      .filter((entry) => session === undefined || entry.session === session)
      .sort((a, b) => (a.status.number ?? 0) - (b.status.number ?? 0));
  }

  all(queue?: QueueName): Entry[] {
    return [...this.entries.values()].filter((entry) => queue === undefined || entry.queue === queue);
  }

  /** Takes a new message; a duplicate is nothing. */
  add(entry: Entry): void {
    if (entry.queue === "once") {
      if (this.taken.has(entry.id)) return;
      this.taken.add(entry.id);
    }
    this.entries.set(entry.id, entry);
  }

  become(entry: Entry, fate: Fate): void {
    entry.locked = false;
    entry.doubts = [];
    if (fate === undefined) this.entries.delete(entry.id);
    else entry.status = fate;
  }

  /** A delivery that came to nothing: abandoned, or its lock has ended. SB-12, SB-18, SB-26, SB-33. */
  failed({ queue, status }: Entry): Fate {
    if (status.reason !== undefined) return status;
    const counted = { ...status, count: status.count + 1 };
    if (counted.count >= QUEUES[queue].maxDeliveryCount)
      return { ...counted, state: "active", reason: "MaxDeliveryCountExceeded" };
    return this.#inTime(queue, counted);
  }

  /** SB-13. */
  deferred({ status }: Entry): Fate {
    return { ...status, state: "deferred", count: status.reason === undefined ? status.count + 1 : status.count };
  }

  /** SB-14. */
  deadLettered({ status }: Entry): Fate {
    return { ...status, state: "active", reason: "asked for" };
  }

  /** Time has come to `now`: what is due is activated, and what is over expires, when nobody has it. SB-27, SB-28, SB-29, SB-42. */
  passTo(now: number): void {
    this.now = now;
    for (const entry of this.all()) {
      if (entry.locked) continue;
      const fates = fatesOf(entry).map((each) => each && this.#due(entry, each));
      if (fates.length === 1) this.become(entry, fates[0]);
      else entry.doubts = fates;
    }
  }

  /** The process has gone: locks and sessions are free, no count rises. */
  restarted(): void {
    this.held.clear();
    for (const entry of this.all()) entry.locked = false;
  }

  /** Compares with what is there, and ends all doubts; answers what is wrong. */
  reconcile(found: readonly Seen[], interrupted: Interrupted): string | undefined {
    const seen = new Map(found.map((each) => [each.id, each]));
    if (seen.size < found.length) return `A message is there twice: ${JSON.stringify(found)}`;
    for (const each of found)
      if (!this.entries.has(each.id)) return `It was settled, or never sent: ${JSON.stringify(each)}`;
    const fates = new Map<Entry, Fate>();
    for (const entry of this.all()) {
      const options = fatesOf(entry);
      const there = seen.get(entry.id);
      const at = options.findIndex((option) => isSame(option, entry.locked, there));
      if (at === -1) return `Expected one of ${JSON.stringify({ ...entry, options })}, found ${JSON.stringify(there)}`;
      fates.set(entry, options[at]);
    }
    const problem = wrongTogether(
      interrupted,
      (entry) => fates.get(entry) !== undefined && seen.has(entry.id),
      (entry) => this.now >= entry.status.expiresAt && !QUEUES[entry.queue].deadLettersExpired,
    );
    const wrong = problem ?? this.#wrongOrder(seen, fates);
    if (wrong === undefined) this.#adopt(seen, fates);
    return wrong;
  }

  #adopt(seen: ReadonlyMap<string, Seen>, fates: ReadonlyMap<Entry, Fate>): void {
    for (const [entry, fate] of fates) {
      entry.doubts = [];
      const number = seen.get(entry.id)?.number;
      if (fate === undefined || number === undefined) {
        this.entries.delete(entry.id);
        // A send that a kill has swallowed: the id is free. After any other end it is not.
        if (entry.status.number === undefined) this.taken.delete(entry.id);
        continue;
      }
      entry.status = { ...fate, number };
      this.#highest[entry.queue] = Math.max(this.#highest[entry.queue], number);
    }
  }

  /** New numbers are above all that were given before (SB-01), those of activated messages in the order of their times. */
  #wrongOrder(seen: ReadonlyMap<string, Seen>, fates: ReadonlyMap<Entry, Fate>): string | undefined {
    const activated: Entry[] = [];
    for (const [entry, fate] of fates) {
      const there = seen.get(entry.id);
      if (there === undefined || fate === undefined || fate.number !== undefined) continue;
      if (there.number <= this.#highest[entry.queue]) return `A number was given twice: ${JSON.stringify(there)}`;
      if (entry.scheduledFor !== undefined && fate.state === "active") activated.push(entry);
    }
    activated.sort((a, b) => (a.scheduledFor ?? 0) - (b.scheduledFor ?? 0));
    for (const [n, { id, queue }] of activated.entries()) {
      const before = activated.slice(0, n).findLast((entry) => entry.queue === queue);
      if ((seen.get(before?.id ?? "")?.number ?? 0) > (seen.get(id)?.number ?? 0))
        return `${id} was activated too early.`;
    }
    return undefined;
  }

  #due(entry: Entry, status: Status): Fate {
    if (status.state === "scheduled" && (entry.scheduledFor ?? 0) <= this.now) {
      return { ...status, state: "active", number: undefined, expiresAt: this.now + entry.ttl };
    }
    return this.#inTime(entry.queue, status);
  }

  #inTime(queue: QueueName, status: Status): Fate {
    if (status.state !== "active" || status.reason !== undefined || this.now < status.expiresAt) return status;
    return QUEUES[queue].deadLettersExpired ? { ...status, reason: "TTLExpiredException" } : undefined;
  }
}

const fatesOf = ({ status, doubts }: Entry): readonly Fate[] => (doubts.length === 0 ? [status] : doubts);

function isSame(option: Fate, isLocked: boolean, seen: Seen | undefined): boolean {
  if (option === undefined || seen === undefined) return option === undefined && seen === undefined;
  return (
    option.state === seen.state &&
    option.reason === seen.reason &&
    option.count === seen.count &&
    (option.number === undefined || option.number === seen.number) &&
    isLocked === seen.locked
  );
}

function wrongTogether(
  { batches, sends, taken }: Interrupted,
  isThere: (entry: Entry) => boolean,
  hasExpired: (entry: Entry) => boolean,
): string | undefined {
  const text = (entries: readonly Entry[]): string => entries.map((each) => `${each.id} ${isThere(each)}`).join(", ");
  for (const batch of batches)
    if (batch.some(isThere) && !batch.every(isThere)) return `A part of a batch is there: ${text(batch)}`;
  for (const sent of sends)
    if (!isPrefix(sent, isThere)) return `Later sends are there without earlier ones: ${text(sent)}`;
  for (const { from: all, most } of taken) {
    const from = all.filter((entry) => !hasExpired(entry));
    const gone = from.filter((entry) => !isThere(entry)).length;
    if (gone > most || !isPrefix(from, (entry) => !isThere(entry)))
      return `Not the first ones were taken: ${text(from)}`;
  }
  return undefined;
}

function isPrefix(entries: readonly Entry[], holds: (entry: Entry) => boolean): boolean {
  const first = entries.findIndex((entry) => !holds(entry));
  return first === -1 || !entries.slice(first).some(holds);
}
