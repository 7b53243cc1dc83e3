/** Faults on demand: per queue, for a number of times or a length of time. */
import type { Clock } from "../../clock/clock.js";
import type { Faults, Moment } from "../amqp/faults.js";
import type { RheaLink } from "../amqp/rhea.js";
import { BrokerError } from "../broker/error.js";
import type { MessageLock } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";

export const REFUSALS = [
  "internal-error",
  "message-lock-lost",
  "session-lock-lost",
  "server-busy",
  "timeout",
  "unauthorized",
] as const;

/** What is to go wrong; `at` says when. */
export type FaultKind =
  | { readonly fault: "drop-connection"; readonly at: "send" | "stored" | "deliver" | "settle" | "settled" }
  | { readonly fault: "lose-lock" }
  | { readonly fault: "deliver-twice" }
  | { readonly fault: "delay-settlement"; readonly delayMs: number }
  | { readonly fault: "refuse-settlement"; readonly error: (typeof REFUSALS)[number] }
  | { readonly fault: "throttle" }
  | { readonly fault: "slow"; readonly delayMs: number };

export interface FaultLimits {
  /** Undefined: as often as there is time. */
  readonly times?: number | undefined;
  /** Milliseconds of uptime from now; undefined: until it has happened often enough. */
  readonly forMs?: number | undefined;
}

export interface ActiveFault {
  readonly id: string;
  readonly queue: string;
  readonly kind: FaultKind;
  readonly timesLeft: number | undefined;
  readonly leftMs: number | undefined;
}

interface Switch {
  readonly id: string;
  readonly queue: string;
  readonly kind: FaultKind;
  timesLeft: number;
  readonly until: number;
  /** Messages that had their share of it, by id: `deliver-twice` is once for each. */
  readonly had: Set<number>;
}

const MOMENTS: Readonly<Record<Exclude<FaultKind["fault"], "drop-connection">, readonly Moment[]>> = {
  "lose-lock": ["settle"],
  "deliver-twice": ["settle"],
  "delay-settlement": ["settle"],
  "refuse-settlement": ["settle"],
  throttle: ["send", "settle", "request"],
  slow: ["stored", "settled", "answer"],
};

/** The text is Azure's; clients look at the condition alone. */
const BUSY =
  "The request was terminated because the entity is being throttled. Error code: 50009. Please wait 2 seconds and try again.";

export class FaultSwitches implements Faults {
  readonly #clock: Clock;
  readonly #onFault: (fault: { readonly queue: string; readonly fault: string; readonly moment: Moment }) => void;
  readonly #happened = new Map<string, { readonly queue: string; readonly fault: string; times: number }>();
  #switches: Switch[] = [];
  #lastId = 0;

  constructor(clock: Clock, onFault: (fault: { queue: string; fault: string; moment: Moment }) => void) {
    this.#clock = clock;
    this.#onFault = onFault;
  }

  set(queue: string, kind: FaultKind, { times, forMs }: FaultLimits): ActiveFault {
    const added: Switch = {
      id: String(++this.#lastId),
      queue: queue.toLowerCase(),
      kind,
      timesLeft: times ?? Infinity,
      until: forMs === undefined ? Infinity : this.#clock.uptime() + forMs,
      had: new Set(),
    };
    this.#switches.push(added);
    return this.#describe(added);
  }

  list(): readonly ActiveFault[] {
    this.#forgetOver();
    return this.#switches.map((each) => this.#describe(each));
  }

  /** False when there is none with this id. */
  remove(id: string): boolean {
    this.#forgetOver();
    const before = this.#switches.length;
    this.#switches = this.#switches.filter((each) => each.id !== id);
    return this.#switches.length < before;
  }

  /** Of one queue, or all. Answers how many there were. */
  clear(queue?: string): number {
    this.#forgetOver();
    const before = this.#switches.length;
    this.#switches = this.#switches.filter((each) => queue !== undefined && each.queue !== queue.toLowerCase());
    return before - this.#switches.length;
  }

  /** How often each fault has happened since the start. */
  happened(): Iterable<{ readonly queue: string; readonly fault: string; readonly times: number }> {
    return this.#happened.values();
  }

  at(moment: Moment, queue: Queue, link: RheaLink, lock?: MessageLock): Promise<void> | undefined {
    // The usual case, on the hottest paths.
    if (this.#switches.length === 0) return undefined;
    this.#forgetOver();
    const name = queue.settings.name.toLowerCase();
    const found = this.#switches.find((each) => each.queue === name && isFor(each, moment, lock));
    if (found === undefined) return undefined;
    if (lock !== undefined && found.kind.fault === "deliver-twice") found.had.add(lock.message.id);
    found.timesLeft--;
    this.#count(queue.settings.name, found.kind.fault);
    this.#onFault({ queue: queue.settings.name, fault: found.kind.fault, moment });
    return this.#cause(found.kind, queue, link, lock);
  }

  #cause(kind: FaultKind, queue: Queue, link: RheaLink, lock: MessageLock | undefined): Promise<void> | undefined {
    switch (kind.fault) {
      case "drop-connection":
        link.connection.socket.destroy();
        return new Promise(() => undefined);
      case "lose-lock":
      case "deliver-twice":
        if (lock !== undefined) queue.loseLock(lock);
        return undefined;
      case "refuse-settlement":
        return Promise.reject(
          new BrokerError(kind.error, "The settlement was refused, as asked for with POST /faults."),
        );
      case "throttle":
        return Promise.reject(new BrokerError("server-busy", BUSY));
      case "delay-settlement":
      case "slow":
        return new Promise((resolve) => this.#clock.after(kind.delayMs, resolve));
    }
  }

  #count(queue: string, fault: string): void {
    const key = JSON.stringify([queue, fault]);
    const entry = this.#happened.get(key);
    if (entry === undefined) this.#happened.set(key, { queue, fault, times: 1 });
    else entry.times++;
  }

  #forgetOver(): void {
    const now = this.#clock.uptime();
    if (this.#switches.some((each) => isOver(each, now)))
      this.#switches = this.#switches.filter((each) => !isOver(each, now));
  }

  #describe({ id, queue, kind, timesLeft, until }: Switch): ActiveFault {
    return {
      id,
      queue,
      kind,
      timesLeft: timesLeft === Infinity ? undefined : timesLeft,
      leftMs: until === Infinity ? undefined : Math.max(0, Math.round(until - this.#clock.uptime())),
    };
  }
}

function isOver({ timesLeft, until }: Switch, now: number): boolean {
  return timesLeft <= 0 || now >= until;
}

/** One that needs a lock passes by what is settled through $management, where none is known. */
function isFor({ kind, had }: Switch, moment: Moment, lock: MessageLock | undefined): boolean {
  if (kind.fault === "drop-connection") return kind.at === moment;
  if (!MOMENTS[kind.fault].includes(moment)) return false;
  if (kind.fault === "lose-lock") return lock !== undefined;
  // A lock that is lost already, as with the session of another message, is no first delivery.
  if (kind.fault === "deliver-twice") {
    return lock?.message.lock === lock && lock !== undefined && !had.has(lock.message.id);
  }
  return true;
}
