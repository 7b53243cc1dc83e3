/**
 * Failures: table `failures`, one partition, for they are few. Several rows each, written together:
 *
 *   f|id                 the failure; its ETag orders its changes
 *   l|inverted time|id   the same, for lists: newest first
 *   t|time|id            when the timer must look at it
 *   r|time|id            when it is to be redriven by itself
 */
import { odata, type TableClient, type TransactionAction } from "@azure/data-tables";
import { retryAt, tendAt, type Failure, type FailureState } from "../domain/failure.js";
import { omit } from "../domain/omit.js";
import type { Failures, FailureFilter } from "../ports-operations.js";
import { callingStorage, firstRows, invertedTimeKey, unlessChanged, unlessMissing } from "./tables.js";

const PARTITION = "failure";

interface Row {
  queue: string;
  reason: string;
  detail: string;
  conversation?: string | undefined;
  message?: string | undefined;
  author?: string | undefined;
  state: string;
  stateAt: string;
  at: string;
  lastAt: string;
  attempts: number;
  redrives: number;
  endsAt: string;
  sequenceNumber: string;
  isHeld: boolean;
  isTransient: boolean;
  trace?: string | undefined;
}

const recordKey = (id: string): string => `f|${id}`;
const listKey = ({ at, id }: Pick<Failure, "at" | "id">): string => `l|${invertedTimeKey(at)}|${id}`;
const tendKey = (failure: Failure): string => `t|${tendAt(failure).toISOString()}|${failure.id}`;
const retryKey = (failure: Failure): string | undefined => {
  const at = retryAt(failure);
  return at === undefined ? undefined : `r|${at.toISOString()}|${failure.id}`;
};
const todoKeys = (failure: Failure): readonly string[] =>
  [tendKey(failure), retryKey(failure)].filter((key) => key !== undefined);

export function tableFailures(table: TableClient): Failures {
  const ids = async (prefix: string, now: Date, limit: number): Promise<readonly string[]> => {
    const filter = odata`PartitionKey eq ${PARTITION} and RowKey ge ${prefix} and RowKey le ${`${prefix}${now.toISOString()}~`}`;
    const rows = await firstRows(table, filter, limit, ["PartitionKey", "RowKey"]);
    return rows.map(({ rowKey }) => rowKey.split("|")[2] ?? "");
  };
  const keys = (rowKey: string) => ({ partitionKey: PARTITION, rowKey });
  const submit = (actions: TransactionAction[]): Promise<boolean> =>
    callingStorage(() => unlessChanged(() => table.submitTransaction(actions)));

  return {
    get: (id) =>
      callingStorage(async () => {
        const row = await unlessMissing(() => table.getEntity<Row>(PARTITION, recordKey(id)));
        return row === undefined ? undefined : { ...fromRow(id, row), etag: row.etag };
      }),

    save: (failure, known) => {
      const row = toRow(failure);
      const before = known === undefined ? [] : todoKeys(known);
      const after = todoKeys(failure);
      return submit([
        known === undefined
          ? ["create", { ...keys(recordKey(failure.id)), ...row }]
          : ["update", { ...keys(recordKey(failure.id)), ...row }, "Replace", { etag: known.etag }],
        ["upsert", { ...keys(listKey(failure)), ...row }, "Replace"],
        ...before.filter((key) => !after.includes(key)).map((key): TransactionAction => ["delete", keys(key)]),
        ...after
          .filter((key) => !before.includes(key))
          .map((key): TransactionAction => ["upsert", keys(key), "Replace"]),
      ]);
    },

    forget: (failure) =>
      submit([
        ["delete", { ...keys(recordKey(failure.id)), etag: failure.etag }],
        ...[listKey(failure), ...todoKeys(failure)].map((key): TransactionAction => ["delete", keys(key)]),
      ]),

    page: (filter, { limit, after }) =>
      callingStorage(async () => {
        const rows = await firstRows<Row>(table, listFilter(filter, after), limit);
        return rows.map((row) => fromRow(row.rowKey.split("|")[2] ?? "", row));
      }),

    toTend: (now, limit) => callingStorage(() => ids("t|", now, limit)),
    toRetry: (now, limit) => callingStorage(() => ids("r|", now, limit)),
  };
}

function listFilter(
  { messageId, queue, reason, state, from, before }: FailureFilter,
  after: Pick<Failure, "id" | "at"> | undefined,
): string {
  // The newest come first: a later time is a smaller key.
  const start =
    after === undefined ? (before === undefined ? "l|" : `l|${invertedTimeKey(before)}|~`) : `${listKey(after)}~`;
  const end = from === undefined ? "l}" : `l|${invertedTimeKey(from)}|~`;
  return [
    odata`PartitionKey eq ${PARTITION} and RowKey gt ${start} and RowKey lt ${end}`,
    ...(messageId === undefined ? [] : [odata`message eq ${messageId}`]),
    ...(queue === undefined ? [] : [odata`queue eq ${queue}`]),
    ...(reason === undefined ? [] : [odata`reason eq ${reason}`]),
    ...(state === undefined ? [] : [odata`state eq ${state}`]),
  ].join(" and ");
}

function toRow(failure: Failure): Row {
  const { conversationId, messageId, stateAt, at, lastAt, endsAt, trace, author, ...rest } = omit(failure, "id");
  const optional = { conversation: conversationId, message: messageId, author, trace };
  return {
    ...rest,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    stateAt: stateAt.toISOString(),
    at: at.toISOString(),
    lastAt: lastAt.toISOString(),
    endsAt: endsAt.toISOString(),
  };
}

function fromRow(id: string, row: Row): Failure {
  return {
    id,
    queue: row.queue,
    reason: row.reason,
    detail: row.detail,
    ...(row.conversation === undefined ? {} : { conversationId: row.conversation }),
    ...(row.message === undefined ? {} : { messageId: row.message }),
    ...(row.author === undefined ? {} : { author: row.author }),
    state: row.state as FailureState,
    stateAt: new Date(row.stateAt),
    at: new Date(row.at),
    lastAt: new Date(row.lastAt),
    attempts: row.attempts,
    redrives: row.redrives,
    endsAt: new Date(row.endsAt),
    sequenceNumber: row.sequenceNumber,
    isHeld: row.isHeld,
    isTransient: row.isTransient,
    ...(row.trace === undefined ? {} : { trace: row.trace }),
  };
}
