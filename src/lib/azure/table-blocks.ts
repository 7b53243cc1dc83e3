/** Who wants nothing of whom: table `blocks`, one row by each of the two, so that both can be asked for. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Blocks } from "../ports-operations.js";
import { callingStorage, firstRows, unlessMissing, userKey, userOfKey } from "./tables.js";

/** More than a person blocks, or is blocked by. */
const MOST = 5_000;

export function tableBlocks(table: TableClient): Blocks {
  const users = (partitionKey: string): Promise<readonly string[]> =>
    callingStorage(async () => {
      const filter = odata`PartitionKey eq ${partitionKey}`;
      const rows = await firstRows(table, filter, MOST, ["PartitionKey", "RowKey"]);
      return rows.map(({ rowKey }) => userOfKey(rowKey));
    });
  const rowsOf = (blocker: string, blocked: string): readonly { partitionKey: string; rowKey: string }[] => [
    { partitionKey: `by|${userKey(blocker)}`, rowKey: userKey(blocked) },
    // The one that counts: written last, removed first.
    { partitionKey: `of|${userKey(blocked)}`, rowKey: userKey(blocker) },
  ];
  return {
    add: (blocker, blocked) =>
      callingStorage(async () => {
        for (const row of rowsOf(blocker, blocked)) await table.upsertEntity(row, "Replace");
      }),
    remove: (blocker, blocked) =>
      callingStorage(async () => {
        for (const { partitionKey, rowKey } of [...rowsOf(blocker, blocked)].reverse())
          await unlessMissing(() => table.deleteEntity(partitionKey, rowKey));
      }),
    blockersOf: (user) => users(`of|${userKey(user)}`),
    blockedBy: (user) => users(`by|${userKey(user)}`),
  };
}
