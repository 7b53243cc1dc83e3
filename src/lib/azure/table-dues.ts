/**
 * What falls due in which minute: table `due`. Sharded, because every text of a minute goes to the same minute a day later,
 * and one partition takes 2,000 operations a second (learn.microsoft.com, storage scalability targets).
 */
import { createHash } from "node:crypto";
import { odata, type TableClient } from "@azure/data-tables";
import type { Dues } from "../ports.js";
import { callingStorage, firstRows, unlessMissing } from "./tables.js";

const SHARDS = 16;

/** @param family rows of one family are found together; without one they sort before those of all families */
export function tableDues(table: TableClient, family = ""): Dues {
  const partition = (minute: string, conversationId: string): string => {
    const shard = (createHash("sha256").update(conversationId).digest()[0] ?? 0) % SHARDS;
    return `${family}${minute}|${shard.toString(16)}`;
  };
  return {
    add: (minute, conversationId) =>
      callingStorage(async () => {
        await table.upsertEntity(
          { partitionKey: partition(minute, conversationId), rowKey: conversationId },
          "Replace",
        );
      }),
    remove: (minute, conversationId) =>
      callingStorage(async () => {
        await unlessMissing(() => table.deleteEntity(partition(minute, conversationId), conversationId));
      }),
    before: (minute, limit) =>
      callingStorage(async () => {
        // Keys sort by minute: with nothing overdue this range is empty, whatever lies in the future.
        const rows = await firstRows(
          table,
          odata`PartitionKey ge ${family} and PartitionKey lt ${family + minute}`,
          limit,
          ["PartitionKey", "RowKey"],
        );
        return rows.map(({ partitionKey, rowKey }) => ({
          minute: partitionKey.slice(family.length).split("|")[0] ?? "",
          conversationId: rowKey,
        }));
      }),
  };
}
