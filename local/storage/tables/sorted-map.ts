/** A map that also knows its keys in order, by UTF-16 code units. */
export class SortedMap<V extends object> {
  readonly #values = new Map<string, V>();
  readonly #keys: string[] = [];

  get size(): number {
    return this.#keys.length;
  }

  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: V): void {
    if (!this.#values.has(key)) this.#keys.splice(this.#placeOf(key), 0, key);
    this.#values.set(key, value);
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys.splice(this.#placeOf(key), 1);
  }

  /** From one key to another, both included. Nothing may be changed meanwhile. */
  *between(from: string | undefined, to: string | undefined): Generator<readonly [key: string, value: V]> {
    for (let at = from === undefined ? 0 : this.#placeOf(from); ; at++) {
      const key = this.#keys[at];
      if (key === undefined || (to !== undefined && key > to)) return;
      const value = this.#values.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Of the first key that is not before this one. */
  #placeOf(key: string): number {
    let low = 0;
    let high = this.#keys.length;
    // Most keys that come are the latest: they are ids and places that grow.
    if (this.#isBefore(high - 1, key)) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(middle, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(at: number, key: string): boolean {
    const other = this.#keys[at];
    return other !== undefined && other < key;
  }
}
