/**
 * A durable key-value store on an append-only log: small, ordered, and with a cost that does not grow with what it holds.
 *
 * - One write is one record, with the commits of one turn of the event loop, or of the time that the disk took to sync the one before.
 * - Memory holds the keys and where their values lie, not the values.
 * - Old segments are cleared oldest first, a piece at a time between two writes: what lives in the oldest is written again at
 *   the end, then the file goes. Oldest first means that a removal needs no memory of its own: what it removed lies before it.
 * - What is dead leaves the files also when they are mostly alive: a while after a value has died, everything up to where it lies
 *   is cleared. The while grows with what is alive, so that copying takes a bounded part of the disk's time.
 * - A write that the disk refuses is cut off at once; where it cannot be, the next segment begins with a seal that says where
 *   this one ends. Only a disk that takes neither can let a refused write come back, after a crash before it takes anything again.
 */
import { mkdir } from "node:fs/promises";
import { nodeFiles, type Files } from "./files.js";
import { LiveIndex } from "./live-index.js";
import { lockFolder } from "./lock-file.js";
import { decodeRecord, encodeRecord, encodeSeal, type Change } from "./record.js";
import { openSegments, replay } from "./recovery.js";
import { Segment } from "./segment.js";

export type { Change } from "./record.js";

export interface Store {
  /** Live entries after open, in no order; used once, to recover. */
  entries(): Iterable<readonly [key: string, value: Buffer]>;
  /** Whether a value is committed. */
  has(key: string): boolean;
  /** A committed value, read from disk at once. @throws when there is none, or the disk does not give it */
  read(key: string): Buffer;
  /** All or nothing after a crash; resolves once written. Rejects when the disk refuses: then nothing of it counts. */
  commit(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly directory: string;
  /** Also survive a power cut, not only a crash of the process: waits for the disk at every write. */
  readonly sync?: boolean;
  readonly segmentBytes?: number;
  /** How long what is dead may stay in the files, in milliseconds, before what is alive is taken into account. */
  readonly clearAfter?: number;
  /** Told of an end that a crash cut off, and of what the disk does not let the store clear: a clause, without its first capital. */
  readonly onDamage?: (text: string) => void;
  readonly files?: Files;
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
/** What one step of clearing reads at least: a millisecond or so for whoever waits behind it. */
const CLEARING_BYTES = 256 * 1024;
/** A step reads this many times what was just written: with half of the log dead, twice would keep up. */
const CLEARING_RATIO = 4;

/** With the time to write them again, dead values are gone within a minute. */
const CLEAR_AFTER_MS = 30_000;
/** What is alive may be copied once in the time that this rate gives. */
const COPIED_BYTES_PER_MS = 2_000;

interface Waiting {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The oldest segment on its way out: how far its live entries have been written again. */
interface Clearing {
  readonly content: Buffer;
  at: number;
  /** What was written again is on the disk. */
  synced: boolean;
}

/** Opens or creates the store in a folder. @throws StartError when the folder is in use or its log is damaged */
export async function openLogStore(options: StoreOptions): Promise<Store> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const unlock = await lockFolder(directory);
  const store = new LogStore(options, unlock);
  try {
    await store.recover();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

class LogStore implements Store {
  readonly #directory: string;
  readonly #sync: boolean;
  readonly #segmentBytes: number;
  readonly #clearAfter: number;
  readonly #files: Files;
  readonly #onDamage: (text: string) => void;
  readonly #unlock: () => Promise<void>;
  readonly #index = new LiveIndex();
  readonly #segments: Segment[] = [];
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #clearing: Clearing | undefined;
  #toldOfClearing = false;
  #sealBegun = false;
  /** Segments up to this one are to go, however much of them is alive. */
  #clearUpTo = 0;
  #clearTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: StoreOptions, unlock: () => Promise<void>) {
    this.#directory = options.directory;
    this.#sync = options.sync ?? false;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#clearAfter = options.clearAfter ?? CLEAR_AFTER_MS;
    this.#files = options.files ?? nodeFiles;
    this.#onDamage = options.onDamage ?? ((): void => undefined);
    this.#unlock = unlock;
  }

  async recover(): Promise<void> {
    await openSegments(this.#files, this.#directory, this.#segments);
    await replay(this.#directory, this.#segments, this.#index, this.#onDamage);
    this.#clearLater();
  }

  *entries(): Iterable<readonly [key: string, value: Buffer]> {
    for (const [number, entries] of this.#index.bySegment()) {
      const segment = this.#segmentOf(number);
      // Read anew for each segment: whoever keeps a value must not find another one in its place.
      const content = segment.readNow(0, segment.bytes);
      for (const [key, { offset, length }] of entries) yield [key, content.subarray(offset, offset + length)];
    }
  }

  has(key: string): boolean {
    return this.#index.get(key) !== undefined;
  }

  read(key: string): Buffer {
    const location = this.#index.get(key);
    if (location === undefined) throw new Error("The store has no such entry.");
    return this.#segmentOf(location.segment).readNow(location.offset, location.length);
  }

  commit(changes: readonly Change[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("The store is closed."));
    return new Promise((resolve, reject) => {
      this.#queue.push({ changes, resolve, reject });
      this.#writing ??= this.#write();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#clearTimer);
    await this.#writing;
    // The last chance to get rid of writes that were refused.
    if (this.#segments.at(-1)?.uncut === true || this.#sealBegun) await this.#tail().catch(() => undefined);
    for (const segment of this.#segments) await segment.close();
    await this.#unlock();
  }

  /** The only writer, each time of everything that has come meanwhile. */
  async #write(): Promise<void> {
    for (;;) {
      // Whoever commits in the same turn of the event loop goes into the same write; and whatever else the process has to do comes first.
      await new Promise((resolve) => setImmediate(resolve));
      const written = this.#queue.length > 0 ? await this.#writeQueue() : 0;
      const more = await this.#clearSome(CLEARING_RATIO * written).catch((error: unknown) => {
        this.#tellOfClearing(error);
        this.#clearLater();
        return false;
      });
      if (this.#queue.length > 0) continue;
      if (!more || this.#closed) break;
    }
    // In the same turn as the last look into the queue: what comes later must find no writer.
    this.#writing = undefined;
  }

  /** Resolves to the bytes that were written. */
  async #writeQueue(): Promise<number> {
    const group = this.#queue;
    this.#queue = [];
    try {
      const bytes = await this.#append(group.flatMap(({ changes }) => changes));
      for (const { resolve } of group) resolve();
      return bytes;
    } catch (error) {
      for (const { reject } of group) reject(error);
      return 0;
    }
  }

  async #append(changes: readonly Change[]): Promise<number> {
    const { record, placed } = encodeRecord(changes);
    const segment = await this.#tail();
    const start = segment.bytes;
    try {
      await segment.append(record, this.#sync);
    } catch (error) {
      // Now, not at the next commit, which may never come.
      if (segment.uncut) await this.#tail().catch(() => undefined);
      throw error;
    }
    for (const each of placed) this.#index.place(each, segment.number, start);
    this.#clearLater();
    return record.length;
  }

  /** The segment to append to. Rejects while there is none, or what was refused before would come back. */
  async #tail(): Promise<Segment> {
    const newest = this.#segments.at(-1);
    if (newest?.uncut === true) await newest.tryCut();
    // A seal that was begun may be on the disk: behind it nothing would count.
    const mayGrow = newest !== undefined && !newest.uncut && !this.#sealBegun && newest.number > this.#clearUpTo;
    return mayGrow && newest.bytes < this.#segmentBytes ? newest : this.#next(newest);
  }

  async #next(before: Segment | undefined): Promise<Segment> {
    const segment = await Segment.open(this.#files, this.#directory, (before?.number ?? 0) + 1);
    try {
      // What an attempt before this one has left is no more than a part of the same seal.
      segment.endAt(0);
      if (before !== undefined && (before.uncut || this.#sealBegun)) {
        this.#sealBegun = true;
        await segment.append(encodeSeal({ segment: before.number, bytes: before.bytes }), this.#sync);
      }
      if (this.#sync) await this.#syncFolder();
    } catch (error) {
      await segment.close();
      throw error;
    }
    this.#sealBegun = false;
    this.#segments.push(segment);
    return segment;
  }

  /** A new file survives a loss of power only when its folder is on the disk, too. Windows has no such thing. */
  async #syncFolder(): Promise<void> {
    if (process.platform === "win32") return;
    const folder = await this.#files.open(this.#directory, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  #segmentOf(number: number): Segment {
    const first = this.#segments[0]?.number ?? 0;
    const segment = this.#segments[number - first] ?? this.#segments.find((each) => each.number === number);
    if (segment?.number === number) return segment;
    throw new Error(`The log has no segment ${number}.`);
  }

  /** A value has died, or has been found dead: the files are to be rid of it. */
  #clearLater(): void {
    const [oldest] = this.#segments;
    if (this.#clearTimer !== undefined || this.#closed) return;
    if (oldest === undefined || this.#index.newestDead < oldest.number) return;
    const timer = setTimeout(
      () => {
        this.#clearTimer = undefined;
        if (this.#closed) return;
        this.#clearUpTo = this.#index.newestDead;
        this.#writing ??= this.#write();
      },
      this.#clearAfter + this.#index.bytes / COPIED_BYTES_PER_MS,
    );
    this.#clearTimer = timer.unref();
  }

  #isHalfDead(): boolean {
    const total = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    return total > 2 * this.#index.bytes + 2 * this.#segmentBytes;
  }

  /** One step of clearing the oldest segment, when it must go or more than half of the log is dead. Resolves to whether there is more to do. */
  async #clearSome(least: number): Promise<boolean> {
    const [oldest] = this.#segments;
    if (oldest === undefined) return false;
    const mustGo = oldest.number <= this.#clearUpTo;
    if (this.#clearing === undefined && !mustGo && !this.#isHalfDead()) return false;
    if (this.#segments.length === 1 && !(mustGo && (await this.#tail()) !== oldest)) return false;
    const clearing = (this.#clearing ??= { content: await oldest.read(), at: 0, synced: false });
    const { alive, end } = this.#aliveIn(oldest, clearing, Math.max(least, CLEARING_BYTES));
    if (alive.length > 0) await this.#append(alive);
    clearing.at = end;
    if (end < clearing.content.length) return true;
    // What was copied must be on the disk before the original goes.
    if (!clearing.synced) for (const segment of this.#segments.slice(1)) await segment.sync();
    clearing.synced = true;
    // A file that cannot go stays the oldest: were a younger one to go before it, what that one removed would be back.
    await oldest.remove();
    this.#segments.shift();
    this.#clearing = undefined;
    this.#toldOfClearing = false;
    return true;
  }

  #aliveIn(oldest: Segment, { content, at }: Clearing, bytes: number): { alive: Change[]; end: number } {
    const alive: Change[] = [];
    let end = at;
    while (end < content.length && end - at < bytes) {
      const record = decodeRecord(content, end);
      if (record === undefined) throw new Error(`${oldest.name} is damaged at byte ${end}, where it was sound before.`);
      for (const { key, value } of record.placed) {
        if (value === undefined || !this.#index.isAt(key, oldest.number, end + value.offset)) continue;
        alive.push({ put: key, value: content.subarray(end + value.offset, end + value.offset + value.length) });
      }
      end += record.bytes;
    }
    return { alive, end };
  }

  /** Once for each segment: it is tried again at every write, and after a while. */
  #tellOfClearing(error: unknown): void {
    if (this.#toldOfClearing) return;
    this.#toldOfClearing = true;
    this.#onDamage(`the oldest segment of the log could not be cleared, and is kept until it can: ${String(error)}`);
  }
}
