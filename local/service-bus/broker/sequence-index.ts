/** What the index needs of an item. The number must not change while the item is in the index. */
export interface Numbered {
  readonly sequenceNumber: number;
}

const COMPACT_ABOVE = 64;

/**
 * Items by sequence number: found, and read onwards from any number, in O(log n). Numbers mostly arrive in order, so an array with
 * holes does: appending and removing cost O(1) amortized.
 */
export class SequenceIndex<T extends Numbered> {
  #numbers: number[] = [];
  #items: (T | undefined)[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(item: T): void {
    const number = item.sequenceNumber;
    this.#size++;
    if (this.#numbers.length === 0 || number > (this.#numbers.at(-1) ?? 0)) {
      this.#numbers.push(number);
      this.#items.push(item);
      return;
    }
    const place = this.#place(number);
    const isHole = this.#numbers[place] === number;
    this.#numbers.splice(place, isHole ? 1 : 0, number);
    this.#items.splice(place, isHole ? 1 : 0, item);
  }

  get(sequenceNumber: number): T | undefined {
    const place = this.#place(sequenceNumber);
    return this.#numbers[place] === sequenceNumber ? this.#items[place] : undefined;
  }

  remove(item: T): void {
    const place = this.#place(item.sequenceNumber);
    if (this.#items[place] !== item) return;
    this.#items[place] = undefined;
    this.#size--;
    if (this.#items.length > COMPACT_ABOVE && this.#size < this.#items.length / 2) this.#compact();
  }

  /** The first `count` items whose number is `from` or above. */
  from(from: number, count: number): T[] {
    const found: T[] = [];
    for (let place = this.#place(from); place < this.#items.length && found.length < count; place++) {
      const item = this.#items[place];
      if (item !== undefined) found.push(item);
    }
    return found;
  }

  *values(): Iterable<T> {
    for (const item of this.#items) if (item !== undefined) yield item;
  }

  /** The first place whose number is not below `sequenceNumber`. */
  #place(sequenceNumber: number): number {
    let low = 0;
    let high = this.#numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#numbers[middle] ?? 0) < sequenceNumber) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compact(): void {
    const items = this.#items.filter((item) => item !== undefined);
    this.#items = items;
    this.#numbers = items.map((item) => item.sequenceNumber);
  }
}
