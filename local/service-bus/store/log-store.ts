/**
 * A durable key-value store on an append-only log: small, ordered, and with a cost that does not grow with what it holds.
 *
 * - One commit is one record; many commits that come while the disk is busy go into the next write together.
 * - Memory holds the keys and where their values lie, not the values.
 * - Old segments are cleared oldest first, a piece at a time between two writes: what lives in the oldest is written again at
 *   the end, then the file goes. Oldest first means that a removal needs no memory of its own: what it removed lies before it.
 */
import { mkdir, readdir } from "node:fs/promises";
import { StartError } from "../../part.js";
import { lockFolder } from "./lock-file.js";
import { decodeRecord, encodeRecord, hasRecordBehind, type Change, type Placed } from "./record.js";
import { Segment } from "./segment.js";

export type { Change } from "./record.js";

export interface Store {
  /** Live entries after open; used once, to recover. */
  entries(): Iterable<readonly [key: string, value: Buffer]>;
  /** All or nothing after a crash; resolves once written. Rejects when the disk refuses: then nothing of it counts. */
  commit(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
}

export interface StoreOptions {
  readonly directory: string;
  /** Also survive a power cut, not only a crash of the process: waits for the disk at every write. */
  readonly sync?: boolean;
  readonly segmentBytes?: number;
  /** Told of an end that a crash cut off. */
  readonly onDamage?: (text: string) => void;
}

const SEGMENT_BYTES = 4 * 1024 * 1024;
/** What one step of clearing rewrites at most: a few milliseconds for whoever waits behind it. */
const CLEARING_BYTES = 256 * 1024;

interface Location {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

interface Waiting {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Opens or creates the store in a folder. @throws StartError when the folder is in use or its log is damaged */
export async function openLogStore(options: StoreOptions): Promise<Store> {
  const { directory, sync = false, segmentBytes = SEGMENT_BYTES, onDamage = () => undefined } = options;
  await mkdir(directory, { recursive: true });
  const unlock = await lockFolder(directory);
  const store = new LogStore(directory, sync, segmentBytes, unlock);
  try {
    await store.recover(onDamage);
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
  readonly #unlock: () => Promise<void>;
  readonly #index = new Map<string, Location>();
  #segments: Segment[] = [];
  #liveBytes = 0;
  #recovered: Map<string, Buffer> | undefined;
  #queue: Waiting[] = [];
  #writing: Promise<void> | undefined;
  #clearing: { content: Buffer; at: number } | undefined;
  #closed = false;

  constructor(directory: string, sync: boolean, segmentBytes: number, unlock: () => Promise<void>) {
    this.#directory = directory;
    this.#sync = sync;
    this.#segmentBytes = segmentBytes;
    this.#unlock = unlock;
  }

  async recover(onDamage: (text: string) => void): Promise<void> {
    const numbers = (await readdir(this.#directory))
      .flatMap((name) => Segment.numberOf(name) ?? [])
      .sort((a, b) => a - b);
    const values = new Map<string, Buffer>();
    for (const number of numbers.length === 0 ? [1] : numbers) {
      const segment = await Segment.open(this.#directory, number);
      this.#segments.push(segment);
      const isNewest = number === (numbers.at(-1) ?? 1);
      await this.#replay(segment, values, isNewest ? onDamage : undefined);
    }
    this.#recovered = values;
  }

  /** Later records win. Only the newest segment may have an end that was cut off. */
  async #replay(
    segment: Segment,
    values: Map<string, Buffer>,
    onCut: ((text: string) => void) | undefined,
  ): Promise<void> {
    const content = await segment.read();
    for (let at = 0; at < content.length;) {
      const record = decodeRecord(content, at);
      if (record === undefined) {
        if (onCut === undefined || hasRecordBehind(content, at)) {
          throw new StartError(
            `the log in ${this.#directory} is damaged: segment ${String(segment.number)} at byte ${String(at)}, with sound ` +
              "records behind it. Nothing was changed. Restore the folder, or move it away to start empty.",
          );
        }
        onCut(`the last ${String(content.length - at)} bytes of the log were not whole and are cut off`);
        await segment.cutAt(at);
        return;
      }
      for (const placed of record.placed) {
        this.#place(placed, segment.number, at);
        if (placed.value === undefined) values.delete(placed.key);
        else
          values.set(
            placed.key,
            Buffer.from(content.subarray(at + placed.value.offset, at + placed.value.offset + placed.value.length)),
          );
      }
      at += record.bytes;
    }
  }

  *entries(): Iterable<readonly [key: string, value: Buffer]> {
    const values = this.#recovered ?? new Map<string, Buffer>();
    this.#recovered = undefined;
    for (const entry of values) {
      values.delete(entry[0]);
      yield entry;
    }
  }

  commit(changes: readonly Change[]): Promise<void> {
    if (this.#closed) return Promise.reject(new Error("The store is closed."));
    return new Promise((resolve, reject) => {
      this.#queue.push({ changes, resolve, reject });
      this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    for (const segment of this.#segments) await segment.close();
    await this.#unlock();
  }

  /** The only writer: one write under way at a time, each with everything that has come meanwhile. */
  async #write(): Promise<void> {
    // Whoever commits in the same turn goes into the same write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue;
      this.#queue = [];
      try {
        await this.#append(group.map(({ changes }) => changes));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
        continue;
      }
      // Clearing makes room; when it cannot, the next write will say so.
      await this.#clearSome().catch(() => (this.#clearing = undefined));
    }
  }

  async #append(commits: readonly (readonly Change[])[]): Promise<void> {
    const segment = await this.#tail();
    const records = commits.map(encodeRecord);
    let start = segment.bytes;
    await segment.append(
      records.map(({ record }) => record),
      this.#sync,
    );
    for (const { record, placed } of records) {
      for (const each of placed) this.#place(each, segment.number, start);
      start += record.length;
    }
  }

  async #tail(): Promise<Segment> {
    const newest = this.#segments.at(-1);
    if (newest !== undefined && newest.bytes < this.#segmentBytes) return newest;
    const segment = await Segment.open(this.#directory, (newest?.number ?? 0) + 1);
    this.#segments.push(segment);
    return segment;
  }

  #place({ key, value, bytes }: Placed, segment: number, recordStart: number): void {
    this.#liveBytes -= this.#index.get(key)?.bytes ?? 0;
    if (value === undefined) {
      this.#index.delete(key);
    } else {
      this.#index.set(key, { segment, offset: recordStart + value.offset, bytes });
      this.#liveBytes += bytes;
    }
  }

  /** One step of clearing the oldest segment, when more than half of the log is dead. */
  async #clearSome(): Promise<void> {
    const [oldest, ...younger] = this.#segments;
    if (oldest === undefined || younger.length === 0) return;
    const total = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0);
    if (this.#clearing === undefined && total <= 2 * this.#liveBytes + 2 * this.#segmentBytes) return;
    const clearing = (this.#clearing ??= { content: await oldest.read(), at: 0 });
    const alive: Change[] = [];
    let bytes = 0;
    while (clearing.at < clearing.content.length && bytes < CLEARING_BYTES) {
      const record = decodeRecord(clearing.content, clearing.at);
      if (record === undefined) throw new Error("a record that was sound is not sound any more");
      for (const { key, value } of record.placed) {
        const location = this.#index.get(key);
        if (
          value === undefined ||
          location?.segment !== oldest.number ||
          location.offset !== clearing.at + value.offset
        )
          continue;
        alive.push({ put: key, value: clearing.content.subarray(location.offset, location.offset + value.length) });
        bytes += value.length;
      }
      clearing.at += record.bytes;
    }
    if (alive.length > 0) await this.#append([alive]);
    if (clearing.at < clearing.content.length) return;
    this.#clearing = undefined;
    // What was copied must be on the disk before the original goes.
    await this.#segments.at(-1)?.sync();
    // A file that cannot go stays the oldest: were a younger one to go before it, what that one removed would be back.
    await oldest.remove();
    this.#segments.shift();
  }
}
