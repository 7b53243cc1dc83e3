/**
 * The lists of files, in the table `files`: those that are not over, by conversation, and the views that a socket has. Which is
 * which the partition tells: a conversation's id is hexadecimal.
 */
import { odata, type TableClient } from "@azure/data-tables";
import type { FileName, LiveFiles, SocketView, SocketViews } from "../ports.js";
import { callingStorage, firstRows, unlessMissing } from "./tables.js";

/** More than a conversation has at once; what is beyond waits for the next time. */
const MOST = 1_000;
const SOCKET = "socket|";

export function tableLiveFiles(table: TableClient): LiveFiles {
  const keys = ({ conversationId, fileId }: FileName): { partitionKey: string; rowKey: string } => ({
    partitionKey: conversationId,
    rowKey: fileId,
  });
  return {
    add: (file) =>
      callingStorage(async () => {
        await table.upsertEntity(keys(file), "Replace");
      }),
    remove: (file) =>
      callingStorage(async () => {
        const { partitionKey, rowKey } = keys(file);
        await unlessMissing(() => table.deleteEntity(partitionKey, rowKey));
      }),
    of: (conversationId) =>
      callingStorage(async () => {
        const rows = await firstRows(table, odata`PartitionKey eq ${conversationId}`, MOST, ["PartitionKey", "RowKey"]);
        return rows.map(({ rowKey }) => rowKey);
      }),
    page: (after, limit) =>
      callingStorage(async () => {
        const files = odata`PartitionKey lt ${SOCKET}`;
        const from =
          after === undefined
            ? ""
            : odata` and (PartitionKey gt ${after.conversationId} or (PartitionKey eq ${after.conversationId} and RowKey gt ${after.fileId}))`;
        const select = ["PartitionKey", "RowKey", "Timestamp"];
        const rows = await firstRows<{ timestamp?: string }>(table, `${files}${from}`, limit, select);
        return rows.map(({ partitionKey, rowKey, timestamp }) => ({
          conversationId: partitionKey,
          fileId: rowKey,
          addedAt: new Date(timestamp ?? 0),
        }));
      }),
  };
}

export function tableSocketViews(table: TableClient): SocketViews {
  const keyOf = ({ conversationId, fileId, viewId }: SocketView): string => `${conversationId}|${fileId}|${viewId}`;
  return {
    add: (socketId, view) =>
      callingStorage(async () => {
        await table.upsertEntity({ partitionKey: `${SOCKET}${socketId}`, rowKey: keyOf(view) }, "Replace");
      }),
    remove: (socketId, view) =>
      callingStorage(async () => {
        await unlessMissing(() => table.deleteEntity(`${SOCKET}${socketId}`, keyOf(view)));
      }),
    of: (socketId) =>
      callingStorage(async () => {
        const filter = odata`PartitionKey eq ${`${SOCKET}${socketId}`}`;
        const rows = await firstRows(table, filter, MOST, ["PartitionKey", "RowKey"]);
        return rows.map(({ rowKey }) => {
          const [conversationId = "", fileId = "", viewId = ""] = rowKey.split("|");
          return { conversationId, fileId, viewId };
        });
      }),
  };
}
