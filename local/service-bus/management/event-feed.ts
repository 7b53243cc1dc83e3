/** What happens to messages, for those who listen: bounded, numbered, and recorded only while somebody listens. */
import { randomUUID } from "node:crypto";

/** One thing that happened. Never a message's body, nor anything that an application has written but ids and reasons. */
export interface FeedEvent {
  readonly kind: string;
  readonly queue: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export interface Reader {
  /** Takes events as they are written on the wire. */
  push(text: string): void;
  /** Queue names in lower case; undefined for all. */
  readonly queues: ReadonlySet<string> | undefined;
}

interface Recorded {
  readonly number: number;
  readonly queue: string;
  readonly text: string;
}

export interface FeedOptions {
  /** How many events are kept for readers who come back. */
  readonly capacity: number;
  /** Calls back later: what happened until then goes to the readers in one piece. */
  readonly defer: (flush: () => void) => void;
  /** Names the run of the process, so that ids of an earlier one are known as such. */
  readonly run?: string;
}

/**
 * Ids are `<run>-<number>`. Numbers have no gap while events are recorded; when recording begins anew, one is left out, so that
 * whoever comes back with an old id is told that he has missed something.
 */
export class EventFeed {
  readonly #capacity: number;
  readonly #defer: (flush: () => void) => void;
  readonly #run: string;
  readonly #ring: Recorded[] = [];
  /** Where the ring's oldest entry is, once it is full. */
  #oldest = 0;
  #next = 1;
  readonly #readers = new Set<Reader>();
  #recording = false;
  #pending: Recorded[] = [];

  constructor({ capacity, defer, run = randomUUID().slice(0, 8) }: FeedOptions) {
    this.#capacity = capacity;
    this.#defer = defer;
    this.#run = run;
  }

  /** Ask before making an event: while false, `record` does nothing. */
  get recording(): boolean {
    return this.#recording;
  }

  get readers(): number {
    return this.#readers.size;
  }

  record({ kind, queue, data }: FeedEvent): void {
    if (!this.#recording) return;
    const number = this.#next++;
    const text = `id: ${this.#run}-${number}\nevent: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
    const entry: Recorded = { number, queue: queue.toLowerCase(), text };
    if (this.#ring.length < this.#capacity) {
      this.#ring.push(entry);
    } else {
      this.#ring[this.#oldest] = entry;
      this.#oldest = (this.#oldest + 1) % this.#capacity;
    }
    if (this.#pending.length === 0) {
      this.#defer(() => {
        this.#flush();
      });
    }
    this.#pending.push(entry);
  }

  /** @param after the id of the last event that the reader has seen, to go on behind it; without it he gets what happens from now */
  add(reader: Reader, after?: string): void {
    // A newcomer must not get what others are still waiting for.
    this.#flush();
    if (!this.#recording) {
      this.#recording = true;
      this.#next++;
    }
    // An id at once: a reader whose connection is lost before the first event can go on from here.
    const head = `id: ${this.#run}-${this.#next - 1}\nevent: ready\ndata: {}\n\n`;
    if (after === undefined || after === "") {
      reader.push(head);
    } else {
      const missed = this.#since(after);
      if (missed === undefined) {
        reader.push(head.replace("event: ready", "event: gap"));
      } else {
        reader.push(textFor(reader, missed) + head);
      }
    }
    this.#readers.add(reader);
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** Forgets what was recorded, and records no more until somebody reads. Does nothing while somebody does. */
  rest(): void {
    if (this.#readers.size > 0) return;
    this.#recording = false;
    this.#ring.length = 0;
    this.#oldest = 0;
    this.#pending = [];
  }

  /** What was recorded after an event; undefined when that is not known in full. */
  #since(id: string): readonly Recorded[] | undefined {
    const [, run, digits] = /^(.+)-(\d+)$/.exec(id) ?? [];
    const number = Number(digits);
    if (run !== this.#run || number >= this.#next) return undefined;
    const all = [...this.#ring.slice(this.#oldest), ...this.#ring.slice(0, this.#oldest)];
    const first = all[0]?.number ?? this.#next;
    return number + 1 < first ? undefined : all.filter((entry) => entry.number > number);
  }

  #flush(): void {
    if (this.#pending.length === 0) return;
    const pending = this.#pending;
    this.#pending = [];
    for (const reader of [...this.#readers]) {
      const text = textFor(reader, pending);
      if (text !== "") reader.push(text);
    }
  }
}

function textFor({ queues }: Reader, entries: readonly Recorded[]): string {
  let text = "";
  for (const entry of entries) if (queues === undefined || queues.has(entry.queue)) text += entry.text;
  return text;
}
