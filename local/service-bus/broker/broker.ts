import type { Clock } from "../../clock/clock.js";
import { Contents, type ReadEntry } from "./contents.js";
import type { QueueContext } from "./context.js";
import { entityNotFound, type BrokerError } from "./error.js";
import { Deadlines } from "./deadlines.js";
import { newMessage } from "./intake.js";
import { Journal, type Commit } from "./journal.js";
import { NOBODY, type QueueObserver } from "./observer.js";
import { Queue } from "./queue.js";
import { readRecords, type QueueRecords } from "./records.js";
import type { QueueSettings } from "./settings.js";

export interface BrokerOptions {
  readonly queues: readonly QueueSettings[];
  readonly clock: Clock;
  readonly commit: Commit;
  /** What an earlier run has left; read once. */
  readonly entries?: Iterable<readonly [key: string, value: Buffer]>;
  /** Reads a committed entry: contents need not stay in memory then. */
  readonly readEntry?: ReadEntry;
  readonly newToken: () => string;
  readonly onFailure: (error: unknown) => void;
  /** Told of each queue that nobody has used for its `autoDeleteOnIdle`. */
  readonly onIdle?: (queue: Queue) => void;
  /** Asked once for each queue. */
  readonly observe?: (queue: string) => QueueObserver;
}

/** The queues of a namespace. Pure: time, chance and disk are handed in. */
export class Broker {
  /** Queues that have data but are not in the topology: kept, not served. */
  readonly unserved: readonly string[];
  readonly #queues = new Map<string, Queue>();
  readonly #context: QueueContext;
  readonly #wallTime: Deadlines;
  readonly #uptime: Deadlines;

  constructor(options: BrokerOptions) {
    const { clock, commit, newToken, onFailure, observe = () => NOBODY, onIdle } = options;
    this.#wallTime = Deadlines.ofWallTime(clock);
    this.#uptime = Deadlines.ofUptime(clock);
    const contents = new Contents(options.readEntry);
    this.#context = {
      clock,
      wallTime: this.#wallTime,
      uptime: this.#uptime,
      journal: new Journal(commit, onFailure),
      contents,
      newToken,
      onFailure,
      observe,
      forward: async (to, message, besides) => {
        const queue = this.queue(to);
        if (queue === undefined) throw entityNotFound("", to);
        await queue.intake.send([message], besides);
      },
      onIdle: (name) => {
        const queue = this.queue(name);
        if (queue !== undefined) onIdle?.(queue);
      },
    };
    for (const settings of options.queues) this.add(settings);
    const unserved: string[] = [];
    const found = readRecords(options.entries ?? [], (queue, id, content) => contents.recovered(queue, id, content));
    for (const [name, records] of found) {
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

  /** An empty queue, served from now on. */
  add(settings: QueueSettings): Queue {
    const queue = new Queue(settings, this.#context);
    this.#queues.set(settings.name.toLowerCase(), queue);
    return queue;
  }

  /** Removes a queue and everything in it; resolves once that is written. Who still uses it is refused for `reason`. */
  async remove(queue: Queue, reason: BrokerError): Promise<void> {
    await queue.destroy(reason);
    this.#queues.delete(queue.settings.name.toLowerCase());
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
  const messages = [...records.messages].map(([id, recovered]) => {
    const later = records.statuses.get(id);
    const message = newMessage(id, recovered, later ?? recovered.status, queue.settings);
    message.statusStored = later !== undefined;
    return message;
  });
  messages.sort((a, b) => a.sequenceNumber - b.sequenceNumber);
  for (const message of messages) {
    queue.intake.recoverNumber(message.sequenceNumber + 1);
    queue.add(message);
  }
}
