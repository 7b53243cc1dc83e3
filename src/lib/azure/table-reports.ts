/**
 * Reports of messages: table `reports`, partition = day of the message, newest first within it. The key is made of the message and
 * the reporter, so that the same report is the same row.
 */
import { odata, type TableClient } from "@azure/data-tables";
import type { Report, Reports } from "../ports-operations.js";
import { without } from "./conversation-rows.js";
import { callingStorage, firstRows, invertedTimeKey, unlessChanged, unlessMissing } from "./tables.js";

const FORGOTTEN_AT_ONCE = 200;
const DAY_MS = 86_400_000;

interface Row extends Omit<Report, "id" | "sentAt" | "at"> {
  readonly sentAt: string;
  readonly at: string;
}

const dayOf = (at: Date): string => invertedTimeKey(new Date(Math.floor(at.getTime() / DAY_MS) * DAY_MS));
const hashOf = (id: string): string => id.slice(id.indexOf("-") + 1);

export function tableReports(table: TableClient): Reports {
  const keysOf = (id: string, sentAt: Date) => ({
    partitionKey: dayOf(sentAt),
    rowKey: `${invertedTimeKey(sentAt)}-${hashOf(id)}`,
  });
  const fromRow = ({ rowKey, ...row }: Row & { rowKey: string }): Report => ({
    ...{
      id: `${String(Date.parse(row.sentAt))}-${hashOf(rowKey)}`,
      conversationId: row.conversationId,
      messageId: row.messageId,
    },
    ...{ author: row.author, reporter: row.reporter, reason: row.reason, kind: row.kind },
    ...{ sentAt: new Date(row.sentAt), at: new Date(row.at) },
    ...(row.proof === undefined ? {} : { proof: row.proof }),
  });
  const keysOfId = (id: string) => keysOf(id, new Date(Number(id.slice(0, id.indexOf("-")))));
  return {
    add: ({ id, sentAt, at, ...report }) =>
      callingStorage(() =>
        unlessChanged(() =>
          table.createEntity(
            without({ ...report, ...keysOf(id, sentAt), sentAt: sentAt.toISOString(), at: at.toISOString() }),
          ),
        ),
      ),
    get: (id) =>
      callingStorage(async () => {
        const { partitionKey, rowKey } = keysOfId(id);
        const row = await unlessMissing(() => table.getEntity<Row>(partitionKey, rowKey));
        return row === undefined ? undefined : fromRow({ ...row, rowKey });
      }),
    page: ({ limit, after }) =>
      callingStorage(async () => {
        const { partitionKey, rowKey } = after === undefined ? { partitionKey: "0", rowKey: "" } : keysOfId(after);
        const filter = odata`PartitionKey gt ${partitionKey} or (PartitionKey eq ${partitionKey} and RowKey gt ${rowKey})`;
        return (await firstRows<Row>(table, filter, limit)).map(fromRow);
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
