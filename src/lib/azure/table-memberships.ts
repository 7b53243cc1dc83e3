/** Which conversations a user is in: table `memberships`, partition = user, newest conversation first. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Memberships } from "../ports.js";
import { callingStorage, firstRows, unlessMissing, userKey } from "./tables.js";

/** More than a person has; it bounds what a join puts into one request. */
const MOST = 5_000;

/** A UUIDv7 starts with its time: its complement sorts the newest first. It is its own inverse. */
const complement = (id: string): string =>
  id.replace(/[0-9a-f]/g, (digit) => (15 - Number.parseInt(digit, 16)).toString(16));

export function tableMemberships(table: TableClient): Memberships {
  const page: Memberships["page"] = (user, { after, limit }) =>
    callingStorage(async () => {
      const partition = odata`PartitionKey eq ${userKey(user)}`;
      const filter = after === undefined ? partition : `${partition} and ${odata`RowKey gt ${complement(after)}`}`;
      const rows = await firstRows(table, filter, limit, ["PartitionKey", "RowKey"]);
      return rows.map((row) => complement(row.rowKey));
    });
  const keys = (user: string, conversationId: string): { partitionKey: string; rowKey: string } => ({
    partitionKey: userKey(user),
    rowKey: complement(conversationId),
  });
  return {
    page,
    all: (user) => page(user, { limit: MOST }),
    add: (user, conversationId) =>
      callingStorage(async () => {
        await table.upsertEntity(keys(user, conversationId), "Replace");
      }),
    remove: (user, conversationId) =>
      callingStorage(async () => {
        const { partitionKey, rowKey } = keys(user, conversationId);
        await unlessMissing(() => table.deleteEntity(partitionKey, rowKey));
      }),
  };
}
