/** Conversations in Table Storage: one partition each, so that whatever belongs together is written together. */
import { odata, type TableClient, type TransactionAction } from "@azure/data-tables";
import type { MessageIndex } from "../domain/message.js";
import type { Conversations, LogStep, Versioned } from "../ports.js";
import * as rows from "./conversation-rows.js";
import { fileFromRow, fileKey, fileToRow, type FileRow } from "./file-rows.js";
import { callingStorage, firstRows, unlessChanged, unlessMissing } from "./tables.js";

type RowOf<Row> = Row & rows.Keys & { etag: string };

export function tableConversations(table: TableClient): Conversations {
  async function point<Row extends object>(conversationId: string, rowKey: string): Promise<RowOf<Row> | undefined> {
    return unlessMissing(() => table.getEntity<Row>(conversationId, rowKey) as Promise<RowOf<Row>>);
  }

  /** Rows with `from <= key < below`: a range, because an `or` of keys would make the service scan the partition. */
  function range<Row extends object>(
    conversationId: string,
    { from, below, limit, select }: { from: string; below: string; limit: number; select?: readonly string[] },
  ): Promise<RowOf<Row>[]> {
    const filter = odata`PartitionKey eq ${conversationId} and RowKey ge ${from} and RowKey lt ${below}`;
    return firstRows<Row>(table, filter, limit, select);
  }

  const versioned = <Read, Row extends { etag: string }>(row: Row, read: (row: Row) => Read): Versioned<Read> => ({
    ...read(row),
    etag: row.etag,
  });

  return {
    create: (head, members, first) =>
      callingStorage(() =>
        unlessChanged(() =>
          table.submitTransaction([
            ["create", rows.headToRow(head)],
            ["create", rows.entryToRow(head.conversationId, first)],
            ...members.map((member): TransactionAction => ["create", rows.memberToRow(head.conversationId, member)]),
          ]),
        ),
      ),

    load: (conversationId) =>
      callingStorage(async () => {
        // The head's key and the members' have no other between them.
        const found = await range<rows.HeadRow & rows.MemberRow>(conversationId, {
          from: rows.HEAD_KEY,
          below: "u}",
          limit: 1000,
          select: [
            "PartitionKey",
            "RowKey",
            "title",
            "createdBy",
            "createdAt",
            "headSeq",
            "lastMessageAt",
            "lastMessageSeq",
            "joinedSeq",
            "joinedAt",
            "delivered",
            "read",
          ],
        });
        const head = found.find((row) => row.rowKey === rows.HEAD_KEY);
        if (head === undefined) return undefined;
        return {
          head: versioned(head, rows.headFromRow),
          members: found.filter((row) => row.rowKey.startsWith("u|")).map((row) => versioned(row, rows.memberFromRow)),
        };
      }),

    look: (conversationId, { user, messageId, headless = false }) =>
      callingStorage(async () => {
        const [head, member, index] = await Promise.all([
          headless ? undefined : point<rows.HeadRow>(conversationId, rows.HEAD_KEY),
          user === undefined ? undefined : point<rows.MemberRow>(conversationId, rows.memberKey(user)),
          messageId === undefined ? undefined : point<rows.IndexRow>(conversationId, rows.indexKey(messageId)),
        ]);
        return {
          ...(head === undefined ? {} : { head: versioned(head, rows.headFromRow) }),
          ...(member === undefined ? {} : { member: versioned(member, rows.memberFromRow) }),
          ...(index === undefined ? {} : { index: rows.indexFromRow(index) }),
        };
      }),

    commit: (step) => callingStorage(() => unlessChanged(() => table.submitTransaction(actionsOf(step)))),

    addIndex: (conversationId, index) =>
      callingStorage(() => unlessChanged(() => table.submitTransaction(indexed(conversationId, index)))),

    notePublished: (conversationId, messageId, at) =>
      callingStorage(async () => {
        const published = at === "pending" ? at : at.toISOString();
        const row = { partitionKey: conversationId, rowKey: rows.indexKey(messageId), published };
        // What has ended meanwhile may be forgotten: then there is nothing to note.
        await unlessMissing(() => table.updateEntity(row, "Merge"));
      }),

    saveMember: (conversationId, { etag, ...member }) =>
      callingStorage(() =>
        unlessChanged(() => table.updateEntity(rows.memberToRow(conversationId, member), "Replace", { etag })),
      ),

    entries: (conversationId, after, limit) =>
      callingStorage(async () => {
        const found = await range<rows.EntryRow>(conversationId, {
          from: rows.entryKey(after + 1),
          below: "e}",
          limit,
        });
        return found.map(rows.entryFromRow);
      }),

    document: (conversationId, seq) =>
      callingStorage(async () => {
        const row = await point<rows.DocumentRow>(conversationId, rows.documentKey(seq));
        return row === undefined ? undefined : rows.documentFromRow(row);
      }),

    documents: (conversationId, { above, upTo, limit }) =>
      callingStorage(async () => {
        const found = await range<rows.DocumentRow>(conversationId, {
          from: rows.documentKey(upTo),
          below: rows.documentKey(above),
          limit,
        });
        return found.map(rows.documentFromRow);
      }),

    countOfOthers: (conversationId, above, author, limit) =>
      callingStorage(async () => {
        const found = await range<{ author: string }>(conversationId, {
          from: "m|",
          below: rows.documentKey(above),
          limit,
          select: ["PartitionKey", "RowKey", "author"],
        });
        return found.filter((row) => row.author !== author).length;
      }),

    expiries: (conversationId, minute, limit) =>
      callingStorage(async () => {
        const found = await range<{ seq: number }>(conversationId, {
          from: `x|${minute}|`,
          below: `x|${minute}}`,
          limit,
        });
        return found.map(rows.expiryFromRow);
      }),

    scheduledText: (conversationId, author, messageId) =>
      callingStorage(async () => {
        const row = await point<rows.ScheduledRow>(conversationId, rows.scheduledKey({ author, messageId }));
        return row === undefined ? undefined : rows.scheduledFromRow(row);
      }),

    scheduledTexts: (conversationId, { author, after, limit }) =>
      callingStorage(async () => {
        const prefix = rows.scheduledPrefix(author);
        const found = await range<rows.ScheduledRow>(conversationId, {
          from: after === undefined ? prefix : `${prefix}${after}~`,
          // The character after the one that ends the prefix.
          below: `${prefix.slice(0, -1)}}`,
          limit,
        });
        return found.map(rows.scheduledFromRow);
      }),

    strays: (conversationId, minute, limit) =>
      callingStorage(async () => {
        const found = await range(conversationId, { from: `z|${minute}|`, below: `z|${minute}}`, limit });
        return found.map(rows.strayFromRow);
      }),

    forget: (conversationId, { entries, messages, strays }) => {
      const keys = [
        ...entries.map(rows.entryKey),
        ...messages.flatMap(({ messageId, seq, isFile }) => [
          ...[rows.documentKey(seq), rows.indexKey(messageId)],
          ...(isFile ? [fileKey(messageId)] : []),
        ]),
        ...strays.flatMap(({ isFile, ...stray }) => [
          ...[rows.strayKey(stray), rows.indexKey(stray.messageId)],
          ...(isFile ? [fileKey(stray.messageId)] : []),
        ]),
      ];
      const remove = keys.map((rowKey): TransactionAction => ["delete", { partitionKey: conversationId, rowKey }]);
      return callingStorage(() => unlessChanged(() => table.submitTransaction(remove)));
    },
    file: (conversationId, fileId) =>
      callingStorage(async () => {
        const row = await point<FileRow>(conversationId, fileKey(fileId));
        return row === undefined ? undefined : versioned(row, fileFromRow);
      }),

    createFile: (file) => callingStorage(() => unlessChanged(() => table.createEntity(fileToRow(file)))),

    saveFile: ({ etag, ...file }) =>
      callingStorage(() => unlessChanged(() => table.updateEntity(fileToRow(file), "Replace", { etag }))),

    indexes: (conversationId, after, limit) =>
      callingStorage(async () => {
        const from = after === undefined ? "i|" : `${rows.indexKey(after)}~`;
        return (await range<rows.IndexRow>(conversationId, { from, below: "i}", limit })).map(rows.indexFromRow);
      }),

    files: (conversationId, after, limit) =>
      callingStorage(async () => {
        const from = after === undefined ? "f|" : `${fileKey(after)}~`;
        const found = await range<FileRow>(conversationId, { from, below: "f}", limit });
        return found.map((row) => versioned(row, fileFromRow));
      }),

    rewrite: (head, { entries = [], documents = [], indexes = [] }) => {
      const { conversationId } = head;
      const found = [
        ...entries.map((entry) => rows.entryToRow(conversationId, entry)),
        ...documents.map(rows.documentToRow),
        ...indexes.map((index) => rows.indexToRow(conversationId, index)),
      ];
      return callingStorage(() =>
        unlessChanged(() =>
          table.submitTransaction([
            ["update", rows.headToRow(head), "Replace", { etag: head.etag }],
            // Whatever their version is: the head's stands for it.
            ...found.map((row): TransactionAction => ["update", row, "Replace", { etag: "*" }]),
          ]),
        ),
      );
    },

    requests: (conversationId, after, limit) =>
      callingStorage(async () => {
        // The character after all those of an id: beyond the last one seen.
        const from = after === undefined ? "r|" : `${rows.requestKey(after)}~`;
        const found = await range<{ seq: number }>(conversationId, { from, below: "r}", limit });
        return found.map(rows.requestFromRow);
      }),
  };
}

/** A new id, and what leads to it when it is to be forgotten. */
const indexed = (conversationId: string, index: MessageIndex): TransactionAction[] =>
  [rows.indexToRow(conversationId, index), ...rows.strayRows(conversationId, index)].map((row) => ["create", row]);

/** The rows of one log step, as one entity-group transaction: the head's ETag is its condition. */
function actionsOf(step: LogStep): TransactionAction[] {
  const conversationId = step.head.conversationId;
  const keys = (rowKey: string): rows.Keys => ({ partitionKey: conversationId, rowKey });
  const create = (row: rows.Keys): TransactionAction => ["create", row];
  const replace = (row: rows.Keys): TransactionAction => ["upsert", row, "Replace"];
  return [
    ["update", rows.headToRow(step.next), "Replace", { etag: step.head.etag }],
    ...step.entries.map((entry): TransactionAction => ["create", rows.entryToRow(conversationId, entry)]),
    ...(step.documents ?? []).map((document) => create(rows.documentToRow(document))),
    ...(step.indexes ?? []).flatMap((index) => indexed(conversationId, index)),
    ...(step.documentsChanged ?? []).map((document) => replace(rows.documentToRow(document))),
    ...(step.indexesChanged ?? []).map((index) => replace(rows.indexToRow(conversationId, index))),
    ...(step.requestsOpened ?? []).map((request) => create(rows.requestToRow(conversationId, request))),
    ...(step.requestsClosed ?? []).map(({ messageId }): TransactionAction => [
      "delete",
      keys(rows.requestKey(messageId)),
    ]),
    ...(step.expiriesAdded ?? []).map((expiry): TransactionAction => [
      "create",
      rows.expiryToRow(conversationId, expiry),
    ]),
    ...(step.expiriesMet ?? []).map((expiry): TransactionAction => ["delete", keys(rows.expiryKey(expiry))]),
    ...(step.scheduledPut ?? []).map((scheduled) => replace(rows.scheduledToRow(scheduled))),
    ...(step.scheduledRemoved ?? []).map((scheduled): TransactionAction => [
      "delete",
      keys(rows.scheduledKey(scheduled)),
    ]),
    ...(step.filesChanged ?? []).map(({ etag, ...file }): TransactionAction => [
      "update",
      fileToRow(file),
      "Replace",
      { etag },
    ]),
    ...(step.membersAdded ?? []).map((member): TransactionAction => [
      "create",
      rows.memberToRow(conversationId, member),
    ]),
    ...(step.membersRemoved ?? []).map((user): TransactionAction => ["delete", keys(rows.memberKey(user))]),
  ];
}
