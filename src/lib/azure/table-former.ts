/** The conversations that a user has left: a partition of their own beside those the user is in, in the table `memberships`. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Former } from "../ports.js";
import { callingStorage, firstRows, unlessMissing, userKey } from "./tables.js";

export function tableFormer(table: TableClient): Former {
  const partition = (user: string): string => `${userKey(user)}|former`;
  return {
    add: (user, conversationId, at) =>
      callingStorage(async () => {
        const row = { partitionKey: partition(user), rowKey: conversationId, at: at.toISOString() };
        await table.upsertEntity(row, "Replace");
      }),
    remove: (user, conversationId) =>
      callingStorage(async () => {
        await unlessMissing(() => table.deleteEntity(partition(user), conversationId));
      }),
    page: (user, { after, limit }) =>
      callingStorage(async () => {
        const all = odata`PartitionKey eq ${partition(user)}`;
        const filter = after === undefined ? all : `${all} and ${odata`RowKey gt ${after}`}`;
        const rows = await firstRows(table, filter, limit, ["PartitionKey", "RowKey"]);
        return rows.map(({ rowKey }) => rowKey);
      }),
  };
}
