import type { Content } from "./model.js";
import { contentIn, messageKey } from "./records.js";

/** The value of a live entry of the store, at once. */
export type ReadEntry = (key: string) => Buffer;

/** Most messages are read soon after they came: of the newest this much stays in memory, whatever waits. */
const KEPT_BYTES = 32 * 1024 * 1024;
/** What one costs beside its bytes: the record's head, the buffer, the places in lists. Tiny bodies would be unlimited without it. */
export const OVERHEAD_BYTES = 512;
const TRIM_ABOVE = 1_024;

/**
 * Where the contents of messages are: the newest in memory, the others on disk alone, read when they are delivered. A backlog then
 * costs memory for what the broker must know of each message, not for its body.
 */
export class Contents {
  readonly #readEntry: ReadEntry | undefined;
  readonly #mostBytes: number;
  /** Those in memory, the oldest first, from `#start` on. */
  #kept: StoredContent[] = [];
  #start = 0;
  #keptBytes = 0;

  /** Without a store to read from everything stays in memory. */
  constructor(readEntry: ReadEntry | undefined, mostBytes = KEPT_BYTES) {
    this.#readEntry = readEntry;
    this.#mostBytes = mostBytes;
  }

  /** Of a message that is being written; it is not on disk before that is done. */
  add(queue: string, id: number, content: Uint8Array): Content {
    return new StoredContent(this.#read, queue, id, content.length, content);
  }

  /** Of a message that has been written: its content may now leave the memory. */
  written(content: Content): void {
    if (this.#readEntry === undefined || !(content instanceof StoredContent)) return;
    this.#kept.push(content);
    this.#keptBytes += content.length + OVERHEAD_BYTES;
    while (this.#keptBytes > this.#mostBytes) {
      const oldest = this.#kept[this.#start++];
      if (oldest === undefined) break;
      oldest.drop();
      this.#keptBytes -= oldest.length + OVERHEAD_BYTES;
    }
    if (this.#start > TRIM_ABOVE && this.#start > this.#kept.length / 2) {
      this.#kept = this.#kept.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Of a message that an earlier run has written. */
  recovered(queue: string, id: number, content: Uint8Array): Content {
    return new StoredContent(
      this.#read,
      queue,
      id,
      content.length,
      this.#readEntry === undefined ? content : undefined,
    );
  }

  readonly #read = (queue: string, id: number): Uint8Array => {
    if (this.#readEntry === undefined) throw new Error("There is no store to read from.");
    return contentIn(this.#readEntry(messageKey(queue, id)));
  };
}

class StoredContent implements Content {
  readonly length: number;
  readonly #readStored: (queue: string, id: number) => Uint8Array;
  readonly #queue: string;
  readonly #id: number;
  #bytes: Uint8Array | undefined;
  #pinned = false;

  constructor(
    readStored: (queue: string, id: number) => Uint8Array,
    queue: string,
    id: number,
    length: number,
    bytes: Uint8Array | undefined,
  ) {
    this.length = length;
    this.#readStored = readStored;
    this.#queue = queue;
    this.#id = id;
    this.#bytes = bytes;
  }

  read(): Uint8Array {
    return this.#bytes ?? this.#readStored(this.#queue, this.#id);
  }

  pin(): void {
    this.#bytes = this.read();
    this.#pinned = true;
  }

  drop(): void {
    if (!this.#pinned) this.#bytes = undefined;
  }
}
