/** The entities of one table, in the order of their keys: to find one, or those in a range, costs what is found. */
import { latest, type KeyRange } from "./key-range.js";
import { SortedMap } from "./sorted-map.js";

export interface Keys {
  readonly PartitionKey: string;
  readonly RowKey: string;
}

/** Where a query goes on, as the continuation of an answer said: this entity is included. */
export interface Continuation {
  readonly partition?: string | undefined;
  readonly row?: string | undefined;
}

export class EntityTable<E extends Keys> {
  readonly #partitions = new SortedMap<SortedMap<E>>();

  get({ PartitionKey, RowKey }: Keys): E | undefined {
    return this.#partitions.get(PartitionKey)?.get(RowKey);
  }

  set(entity: E): void {
    let partition = this.#partitions.get(entity.PartitionKey);
    if (partition === undefined) {
      partition = new SortedMap();
      this.#partitions.set(entity.PartitionKey, partition);
    }
    partition.set(entity.RowKey, entity);
  }

  delete({ PartitionKey, RowKey }: Keys): void {
    const partition = this.#partitions.get(PartitionKey);
    if (partition === undefined) return;
    partition.delete(RowKey);
    if (partition.size === 0) this.#partitions.delete(PartitionKey);
  }

  /** Nothing may be changed meanwhile. */
  *within(range: KeyRange, { partition: first, row }: Continuation = {}): Generator<E> {
    const { partition, row: rows } = range;
    for (const [key, entities] of this.#partitions.between(latest(partition.from, first), partition.to)) {
      const from = key === first ? latest(rows.from, row) : rows.from;
      for (const [, entity] of entities.between(from, rows.to)) yield entity;
    }
  }
}
