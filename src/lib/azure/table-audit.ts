/** The audit trail: table `audit`, partition = day, newest first within it. Rows are only added, and removed when they are old. */
import { randomUUID } from "node:crypto";
import { odata, type TableClient } from "@azure/data-tables";
import type { AuditEntry, AuditTrail } from "../ports-operations.js";
import { callingStorage, firstRows, invertedTimeKey, unlessMissing } from "./tables.js";

const FORGOTTEN_AT_ONCE = 200;

interface Row {
  at: string;
  actor: string;
  action: string;
  target: string;
  outcome: string;
  traceId?: string | undefined;
}

/** Days count backwards, so that the whole table is in order: newest first. */
const dayOf = (at: Date): string => invertedTimeKey(new Date(Math.floor(at.getTime() / 86_400_000) * 86_400_000));

export function tableAudit(table: TableClient): AuditTrail {
  return {
    add: ({ at, target, traceId, ...entry }) =>
      callingStorage(async () => {
        await table.createEntity({
          partitionKey: dayOf(at),
          rowKey: `${invertedTimeKey(at)}|${randomUUID()}`,
          ...entry,
          at: at.toISOString(),
          target: JSON.stringify(target),
          ...(traceId === undefined ? {} : { traceId }),
        });
      }),
    page: ({ limit, after }) =>
      callingStorage(async () => {
        // A row's key begins with its time, which is within its day: one text orders both.
        const [partition = "", row = ""] = after?.split(" ") ?? [];
        const filter =
          after === undefined
            ? odata`PartitionKey ge ${"0"}`
            : odata`PartitionKey gt ${partition} or (PartitionKey eq ${partition} and RowKey gt ${row})`;
        const rows = await firstRows<Row>(table, filter, limit);
        return rows.map((found): AuditEntry & { key: string } => ({
          key: `${found.partitionKey} ${found.rowKey}`,
          at: new Date(found.at),
          actor: found.actor,
          action: found.action,
          target: JSON.parse(found.target) as Record<string, string>,
          outcome: found.outcome,
          ...(found.traceId === undefined ? {} : { traceId: found.traceId }),
        }));
      }),
    forget: (olderThan) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey gt ${dayOf(olderThan)}`;
        const rows = await firstRows(table, filter, FORGOTTEN_AT_ONCE, ["PartitionKey", "RowKey"]);
        await Promise.all(
          rows.map(({ partitionKey, rowKey }) => unlessMissing(() => table.deleteEntity(partitionKey, rowKey))),
        );
      }),
  };
}
