import { ManualClock } from "../../../local/clock/clock.js";
import { Broker } from "../../../local/service-bus/broker/broker.js";
import type { Change } from "../../../local/service-bus/broker/journal.js";
import type { IncomingMessage, Message, MessageLock, ReceiveMode } from "../../../local/service-bus/broker/model.js";
import type { Queue } from "../../../local/service-bus/broker/queue.js";
import type { Place } from "../../../local/service-bus/broker/shelf.js";
import { DEFAULT_SETTINGS, type QueueSettings } from "../../../local/service-bus/broker/settings.js";

/** A store in memory; `refuse` makes the disk fail. */
export class FakeStore {
  readonly map = new Map<string, Buffer>();
  refuse = false;

  // eslint-disable-next-line @typescript-eslint/require-await -- rejects as a real store does
  readonly commit = async (changes: readonly Change[]): Promise<void> => {
    if (this.refuse) throw new Error("no space left on device");
    for (const change of changes) {
      if ("put" in change) this.map.set(change.put, Buffer.from(change.value));
      else this.map.delete(change.remove);
    }
  };
}

/** A link with credit that keeps what it gets. */
export class FakeLink {
  readonly got: { message: Message; lock: MessageLock | undefined }[] = [];
  credit: number;

  constructor(credit: number) {
    this.credit = credit;
  }

  capacity(): number {
    return this.credit;
  }

  deliver(message: Message, lock: MessageLock | undefined): void {
    this.credit--;
    this.got.push({ message, lock });
  }

  bodies(): string[] {
    return this.got.map(({ message }) => Buffer.from(message.content.read()).toString());
  }

  /** The lock of the message that came last. */
  last(): MessageLock {
    const lock = this.got.at(-1)?.lock;
    if (lock === undefined) throw new Error("No locked message has come.");
    return lock;
  }
}

export class Fixture {
  readonly clock = new ManualClock();
  readonly store = new FakeStore();
  readonly failures: unknown[] = [];
  readonly #settings: Partial<QueueSettings>;
  #tokens = 0;
  broker: Broker;

  constructor(settings: Partial<QueueSettings> = {}) {
    this.#settings = settings;
    this.broker = this.#start();
  }

  get queue(): Queue {
    const queue = this.broker.queue("Q");
    if (queue === undefined) throw new Error("There is no queue.");
    return queue;
  }

  /** As after `kill -9`: a new broker from what is on disk. */
  restart(settings = this.#settings): void {
    this.broker.stop();
    this.broker = this.#start(settings);
  }

  send(body: string, more: Partial<IncomingMessage> = {}): Promise<number[]> {
    return this.queue.intake.send([{ content: Buffer.from(body), messageId: `id-${body}`, ...more }]);
  }

  receive(credit: number, place: Place = "main", mode: ReceiveMode = "peek-lock"): FakeLink {
    const link = new FakeLink(credit);
    this.queue.wake(place, this.queue.subscribe(place, link, mode));
    return link;
  }

  #start(settings = this.#settings): Broker {
    return new Broker({
      queues: [{ ...DEFAULT_SETTINGS, name: "q", ...settings }],
      clock: this.clock,
      commit: this.store.commit,
      entries: [...this.store.map],
      newToken: () => String(this.#tokens++),
      onFailure: (error) => {
        this.failures.push(error);
      },
    });
  }
}

/** Lets promises that are ready settle. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
