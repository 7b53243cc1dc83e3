import type { Clock } from "../../clock/clock.js";
import type { QueueContext } from "./context.js";
import { Deadlines } from "./deadlines.js";
import { newMessage } from "./intake.js";
import { Journal, type Commit } from "./journal.js";
import { Queue } from "./queue.js";
import { readMessage, readRecords, readStatus, type QueueRecords } from "./records.js";
import type { QueueSettings } from "./settings.js";

export interface BrokerOptions {
  readonly queues: readonly QueueSettings[];
  readonly clock: Clock;
  readonly commit: Commit;
  /** What an earlier run has left; read once. */
  readonly entries?: Iterable<readonly [key: string, value: Buffer]>;
  readonly newToken: () => string;
  readonly onFailure: (error: unknown) => void;
}

/** The queues of a namespace. Pure: time, chance and disk are handed in. */
export class Broker {
  /** Queues that have data but are not in the topology: kept, not served. */
  readonly unserved: readonly string[];
  readonly #queues: ReadonlyMap<string, Queue>;
  readonly #wallTime: Deadlines;
  readonly #uptime: Deadlines;

  constructor(options: BrokerOptions) {
    const { clock, commit, newToken, onFailure } = options;
    this.#wallTime = Deadlines.ofWallTime(clock);
    this.#uptime = Deadlines.ofUptime(clock);
    const context: QueueContext = {
      clock,
      wallTime: this.#wallTime,
      uptime: this.#uptime,
      journal: new Journal(commit, onFailure),
      newToken,
      onFailure,
    };
    this.#queues = new Map(
      options.queues.map((settings) => [settings.name.toLowerCase(), new Queue(settings, context)]),
    );
    const unserved: string[] = [];
    for (const [name, records] of readRecords(options.entries ?? [])) {
      const queue = this.queue(name);
      if (queue === undefined) unserved.push(name);
      else recover(queue, records);
    }
    this.unserved = unserved;
  }

  /** Names of entities are case-insensitive. */
  queue(name: string): Queue | undefined {
    return this.#queues.get(name.toLowerCase());
  }

  queues(): Iterable<Queue> {
    return this.#queues.values();
  }

  /** Lets happen now what is due now, rather than at the next turn of the event loop. */
  fallDue(): void {
    this.#wallTime.fallDue();
    this.#uptime.fallDue();
  }

  /** No deadline falls due any more. */
  stop(): void {
    this.#wallTime.stop();
    this.#uptime.stop();
  }
}

function recover(queue: Queue, records: QueueRecords): void {
  queue.intake.recoverNumber(records.nextNumber);
  for (const [messageId, at] of [...records.duplicates].sort(([, a], [, b]) => a - b)) {
    queue.intake.duplicates?.add(messageId, at, Promise.resolve());
  }
  for (const [sessionId, state] of records.sessionStates) queue.recoverSessionState(sessionId, state);
  const messages = [...records.messages].map(([id, value]) => {
    const { status: first, ...incoming } = readMessage(value);
    const later = records.statuses.get(id);
    const message = newMessage(id, incoming, later === undefined ? first : readStatus(later), queue.settings);
    message.statusStored = later !== undefined;
    return message;
  });
  messages.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  for (const message of messages) {
    queue.intake.recoverNumber(message.sequenceNumber + 1);
    queue.add(message);
  }
}
