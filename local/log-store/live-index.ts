import type { Placed } from "./record.js";

export interface Location {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
  /** What the put takes in its record. */
  readonly bytes: number;
}

/** Where the value of each live key lies. */
export class LiveIndex {
  readonly #locations = new Map<string, Location>();
  #bytes = 0;
  /** The newest segment that holds a value which is not alive any more. */
  newestDead = 0;

  /** What the live entries take on disk. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Location | undefined {
    return this.#locations.get(key);
  }

  isAt(key: string, segment: number, offset: number): boolean {
    const location = this.#locations.get(key);
    return location?.segment === segment && location.offset === offset;
  }

  /** Later records win. */
  place({ key, value, bytes }: Placed, segment: number, recordStart: number): void {
    const before = this.#locations.get(key);
    if (before !== undefined) {
      this.#bytes -= before.bytes;
      this.newestDead = Math.max(this.newestDead, before.segment);
    }
    if (value === undefined) {
      this.#locations.delete(key);
    } else {
      this.#locations.set(key, { segment, offset: recordStart + value.offset, length: value.length, bytes });
      this.#bytes += bytes;
    }
  }

  /** The keys by the segment that holds their values. */
  bySegment(): Map<number, (readonly [key: string, location: Location])[]> {
    const sorted = new Map<number, (readonly [string, Location])[]>();
    for (const entry of this.#locations) {
      const inSegment = sorted.get(entry[1].segment);
      if (inSegment === undefined) sorted.set(entry[1].segment, [entry]);
      else inSegment.push(entry);
    }
    return sorted;
  }
}
