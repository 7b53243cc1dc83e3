/**
 * Token buckets: table `buckets`, a row each, in partitions by day, so that what nobody uses any more goes with its day. At
 * midnight UTC every bucket is full again.
 */
import { createHash } from "node:crypto";
import { odata, type TableClient } from "@azure/data-tables";
import type { Buckets } from "../use-cases/rate-limiter.js";
import { callingStorage, firstRows, unlessChanged, unlessMissing } from "./tables.js";

const SHARDS = 16;
const FORGOTTEN_AT_ONCE = 1_000;

interface Row {
  tokens: number;
  at: number;
}

const dayOf = (now: number): string => new Date(now).toISOString().slice(0, 10);

export interface TableBuckets extends Buckets {
  /** Removes some of the buckets of days that are over. */
  forget(now: Date): Promise<void>;
}

export function tableBuckets(table: TableClient, now: () => number): TableBuckets {
  const keysOf = (key: string): { partitionKey: string; rowKey: string } => {
    // Keys may have any characters: addresses, users.
    const hash = createHash("sha256").update(key).digest();
    const shard = ((hash[0] ?? 0) % SHARDS).toString(16);
    return { partitionKey: `${dayOf(now())}|${shard}`, rowKey: hash.toString("base64url") };
  };
  return {
    get: (key) =>
      callingStorage(async () => {
        const { partitionKey, rowKey } = keysOf(key);
        const row = await unlessMissing(() => table.getEntity<Row>(partitionKey, rowKey));
        return row === undefined ? undefined : { tokens: row.tokens, at: row.at, etag: row.etag };
      }),
    save: (key, { tokens, at }, known) =>
      callingStorage(() =>
        unlessChanged(() => {
          // Written as text a time in milliseconds keeps all its digits.
          const row = { ...keysOf(key), tokens, at: { type: "Double" as const, value: String(at) } };
          return known === undefined
            ? table.createEntity(row)
            : table.updateEntity(row, "Replace", { etag: known.etag });
        }),
      ),
    forget: (today) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey lt ${dayOf(today.getTime())}`;
        const rows = await firstRows(table, filter, FORGOTTEN_AT_ONCE, ["PartitionKey", "RowKey"]);
        for (const { partitionKey, rowKey } of rows)
          await unlessMissing(() => table.deleteEntity(partitionKey, rowKey));
      }),
  };
}
