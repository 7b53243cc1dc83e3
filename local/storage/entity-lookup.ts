/**
 * How Azurite's tables find one entity. They ask their store (lokijs) for a partition key and a row key, in this order: it takes the
 * partition from its index and compares all of it, for each read and for each row of a transaction. A conversation with a thousand texts
 * is a partition of some thousand rows; then most of what storage does is that. Asked in the better order it answers the same, from
 * whichever index names fewer rows.
 */
import { createRequire } from "node:module";

interface Query {
  readonly PartitionKey?: unknown;
  readonly RowKey?: unknown;
}

interface Collection {
  readonly binaryIndices: Readonly<Record<string, unknown>>;
  /** The first and the last place in the index of what has this value; the last is before the first where nothing has. */
  calculateRange(operator: "$eq", property: keyof Query, value: unknown): readonly [first: number, last: number];
  findOne: (this: Collection, query: Query) => unknown;
}

/** For all tables of the Azurite that `program` is the path of. */
export function lookUpByBetterIndex(program: string): void {
  const { Collection } = createRequire(program)("lokijs") as { Collection: { prototype: Collection } };
  const { findOne } = Collection.prototype;
  Collection.prototype.findOne = function (query) {
    return findOne.call(this, betterOrder(this, query));
  };
}

function betterOrder(collection: Collection, query: Query): Query {
  const { PartitionKey, RowKey, ...others } = query;
  const isEntity = PartitionKey !== undefined && RowKey !== undefined && Object.keys(others).length === 0;
  if (!isEntity || collection.binaryIndices["RowKey"] === undefined) return query;
  const count = (property: keyof Query): number => {
    const [first, last] = collection.calculateRange("$eq", property, query[property]);
    return last - first;
  };
  return count("RowKey") < count("PartitionKey") ? { RowKey, PartitionKey } : query;
}
