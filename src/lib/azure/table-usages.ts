/** How much a user has sent on a day: table `usages`, partition = user, row = day. */
import { odata, type TableClient } from "@azure/data-tables";
import type { Usages } from "../ports.js";
import { callingStorage, firstRows, unlessChanged, unlessMissing, userKey } from "./tables.js";

/** Ten years. */
const MOST_DAYS = 3_660;

interface UsageRow {
  files: number;
  /** As the client reads an Int64. */
  bytes: bigint;
}

export function tableUsages(table: TableClient): Usages {
  return {
    take: (user, day, more, most) =>
      callingStorage(async () => {
        const keys = { partitionKey: userKey(user), rowKey: day };
        for (;;) {
          const row = await unlessMissing(() => table.getEntity<UsageRow>(keys.partitionKey, keys.rowKey));
          const used = { files: row?.files ?? 0, bytes: Number(row?.bytes ?? 0) };
          const next = { files: used.files + more.files, bytes: used.bytes + more.bytes };
          if (next.files > most.files || next.bytes > most.bytes) return { ...used, taken: false };
          // 64 bits: a day's bytes are more than an Int32 holds.
          const entity = { ...keys, files: next.files, bytes: { type: "Int64" as const, value: String(next.bytes) } };
          const written = await unlessChanged(() =>
            row === undefined ? table.createEntity(entity) : table.updateEntity(entity, "Replace", { etag: row.etag }),
          );
          if (written) return { ...used, taken: true };
        }
      }),
    remove: (user) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey eq ${userKey(user)}`;
        const rows = await firstRows(table, filter, MOST_DAYS, ["PartitionKey", "RowKey"]);
        for (const { partitionKey, rowKey } of rows)
          await unlessMissing(() => table.deleteEntity(partitionKey, rowKey));
      }),
  };
}
