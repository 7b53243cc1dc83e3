/**
 * How a conversation lies in its partition of the table `conversations`:
 *
 *   f|id                a file, with its views (file-rows.ts)
 *   s|user|id           a text of the user that waits for its time
 *   t|head              the head; its ETag orders everything. Right before the members, for they are read together
 *   e|seq               a log entry
 *   m|inverted seq      a message's document, newest first
 *   i|id                where a message id leads
 *   u|user              a member
 *   r|id                a message that some want to keep, and not yet all
 *   x|minute|id         what a deadline must find
 *   z|minute|id         an id that leads to no place in the log, and from when on it may be forgotten
 *
 * Times are ISO 8601 texts, so that a person can read them in any table browser.
 */
/* eslint-disable @typescript-eslint/consistent-type-definitions -- the table client wants types with an index signature */
import type { Head, Member, Step } from "../domain/conversation.js";
import type { AttachedFile, MessageDocument, MessageIndex, Retention } from "../domain/message.js";
import type { ChangeType } from "../contracts/shapes.js";
import type { ScheduledText } from "../domain/schedule.js";
import { forgetFrom } from "../domain/forgetting.js";
import type { Entry, Expiry, Request, Stray } from "../ports.js";
import { newestFirstKey, seqKey, userKey, userOfKey } from "./tables.js";

export type Keys = {
  readonly partitionKey: string;
  readonly rowKey: string;
};

export const HEAD_KEY = "t|head";
export const entryKey = (seq: number): string => `e|${seqKey(seq)}`;
export const documentKey = (seq: number): string => `m|${newestFirstKey(seq)}`;
export const indexKey = (messageId: string): string => `i|${messageId}`;
export const memberKey = (user: string): string => `u|${userKey(user)}`;
export const expiryKey = ({ minute, messageId }: Pick<Expiry, "minute" | "messageId">): string =>
  `x|${minute}|${messageId}`;

/** A property that is undefined must not become one that is null. */
export const without = <Row extends object>(row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row;

export type HeadRow = {
  title?: string | undefined;
  createdBy: string;
  createdAt: string;
  headSeq: number;
  lastMessageAt?: string | undefined;
  lastMessageSeq: number;
};

export const headToRow = (head: Head): Keys & HeadRow =>
  without({
    partitionKey: head.conversationId,
    rowKey: HEAD_KEY,
    title: head.title,
    createdBy: head.createdBy,
    createdAt: head.createdAt.toISOString(),
    headSeq: head.headSeq,
    lastMessageAt: head.lastMessageAt?.toISOString(),
    lastMessageSeq: head.lastMessageSeq,
  });

export const headFromRow = (row: Keys & HeadRow): Head => ({
  conversationId: row.partitionKey,
  ...(row.title === undefined ? {} : { title: row.title }),
  createdBy: row.createdBy,
  createdAt: new Date(row.createdAt),
  headSeq: row.headSeq,
  ...(row.lastMessageAt === undefined ? {} : { lastMessageAt: new Date(row.lastMessageAt) }),
  lastMessageSeq: row.lastMessageSeq,
});

export type MemberRow = {
  joinedSeq: number;
  joinedAt: string;
  delivered: string;
  read: string;
};

export const memberToRow = (conversationId: string, member: Member): Keys & MemberRow => ({
  partitionKey: conversationId,
  rowKey: memberKey(member.user),
  joinedSeq: member.joinedSeq,
  joinedAt: member.joinedAt.toISOString(),
  delivered: JSON.stringify(member.delivered),
  read: JSON.stringify(member.read),
});

export const memberFromRow = (row: Keys & MemberRow): Member => ({
  user: userOfKey(row.rowKey.slice("u|".length)),
  joinedSeq: row.joinedSeq,
  joinedAt: new Date(row.joinedAt),
  delivered: JSON.parse(row.delivered) as Step[],
  read: JSON.parse(row.read) as Step[],
});

export type EntryRow = {
  type: string;
  messageId?: string | undefined;
  messageSeq?: number | undefined;
  user?: string | undefined;
  reason?: string | undefined;
  at: string;
};

export const entryToRow = (conversationId: string, entry: Entry): Keys & EntryRow =>
  without({
    partitionKey: conversationId,
    rowKey: entryKey(entry.seq),
    type: entry.type,
    messageId: entry.messageId,
    messageSeq: entry.messageSeq,
    user: entry.user,
    reason: entry.reason,
    at: entry.at.toISOString(),
  });

export const entryFromRow = (row: Keys & EntryRow): Entry => ({
  seq: Number(row.rowKey.slice("e|".length)),
  type: row.type as ChangeType,
  ...(row.messageId === undefined ? {} : { messageId: row.messageId }),
  ...(row.messageSeq === undefined ? {} : { messageSeq: row.messageSeq }),
  ...(row.user === undefined ? {} : { user: row.user }),
  ...(row.reason === undefined ? {} : { reason: row.reason }),
  at: new Date(row.at),
});

export type DocumentRow = {
  messageId: string;
  seq: number;
  author: string;
  text?: string | undefined;
  edits?: number | undefined;
  editedAt?: string | undefined;
  /** JSON. */
  file?: string | undefined;
  replyTo?: string | undefined;
  sentAt: string;
  expiresAt: string;
  state: string;
  retention?: string | undefined;
  traceId?: string | undefined;
  proof?: string | undefined;
};

/** One property: what belongs together is read and written together. */
const retentionToText = (retention: Retention): string => JSON.stringify(retention);

function retentionFromText(text: string): Retention {
  const stored = JSON.parse(text) as Retention;
  return {
    ...stored,
    consents: stored.consents.map(({ user, at }) => ({ user, at: new Date(at) })),
    endsAt: new Date(stored.endsAt),
  };
}

export const documentToRow = (document: MessageDocument): Keys & DocumentRow =>
  without({
    partitionKey: document.conversationId,
    rowKey: documentKey(document.seq),
    messageId: document.messageId,
    seq: document.seq,
    author: document.author,
    text: document.text,
    edits: document.edited?.times,
    editedAt: document.edited?.at.toISOString(),
    file: document.file === undefined ? undefined : JSON.stringify(document.file),
    replyTo: document.replyTo,
    sentAt: document.sentAt.toISOString(),
    expiresAt: document.expiresAt.toISOString(),
    state: document.state,
    retention: document.retention === undefined ? undefined : retentionToText(document.retention),
    traceId: document.traceId,
    proof: document.proof,
  });

export const documentFromRow = (row: Keys & DocumentRow): MessageDocument => ({
  conversationId: row.partitionKey,
  messageId: row.messageId,
  seq: row.seq,
  author: row.author,
  ...(row.text === undefined ? {} : { text: row.text }),
  ...(row.edits === undefined || row.editedAt === undefined
    ? {}
    : { edited: { times: row.edits, at: new Date(row.editedAt) } }),
  ...(row.file === undefined ? {} : { file: JSON.parse(row.file) as AttachedFile }),
  ...(row.replyTo === undefined ? {} : { replyTo: row.replyTo }),
  sentAt: new Date(row.sentAt),
  expiresAt: new Date(row.expiresAt),
  state: row.state as MessageDocument["state"],
  ...(row.retention === undefined ? {} : { retention: retentionFromText(row.retention) }),
  ...(row.proof === undefined ? {} : { proof: row.proof }),
  ...(row.traceId === undefined ? {} : { traceId: row.traceId }),
});

export type IndexRow = {
  author: string;
  state: string;
  seq?: number | undefined;
  at: string;
  expiresAt: string;
  failure?: string | undefined;
  traceId?: string | undefined;
  published?: string | undefined;
};

export const indexToRow = (conversationId: string, index: MessageIndex): Keys & IndexRow =>
  without({
    partitionKey: conversationId,
    rowKey: indexKey(index.messageId),
    author: index.author,
    state: index.state,
    seq: index.seq,
    at: index.at.toISOString(),
    expiresAt: index.expiresAt.toISOString(),
    failure: index.failure,
    traceId: index.traceId,
    published: index.published instanceof Date ? index.published.toISOString() : index.published,
  });

export const indexFromRow = (row: Keys & IndexRow): MessageIndex => ({
  messageId: row.rowKey.slice("i|".length),
  author: row.author,
  state: row.state as MessageIndex["state"],
  ...(row.seq === undefined ? {} : { seq: row.seq }),
  at: new Date(row.at),
  expiresAt: new Date(row.expiresAt),
  ...(row.failure === undefined ? {} : { failure: row.failure }),
  ...(row.traceId === undefined ? {} : { traceId: row.traceId }),
  ...(row.published === undefined
    ? {}
    : { published: row.published === "pending" ? ("pending" as const) : new Date(row.published) }),
});

export const requestKey = (messageId: string): string => `r|${messageId}`;

export const requestToRow = (conversationId: string, request: Request): Keys & { seq: number } => ({
  partitionKey: conversationId,
  rowKey: requestKey(request.messageId),
  seq: request.seq,
});

export const requestFromRow = (row: Keys & { seq: number }): Request => ({
  messageId: row.rowKey.slice("r|".length),
  seq: row.seq,
});

export const scheduledPrefix = (author?: string): string => (author === undefined ? "s|" : `s|${userKey(author)}|`);
export const scheduledKey = ({ author, messageId }: Pick<ScheduledText, "author" | "messageId">): string =>
  `${scheduledPrefix(author)}${messageId}`;

export type ScheduledRow = {
  text: string;
  replyTo?: string | undefined;
  sendAt: string;
  createdAt: string;
  version: number;
  sequenceNumber?: string | undefined;
};

export const scheduledToRow = (scheduled: ScheduledText): Keys & ScheduledRow =>
  without({
    partitionKey: scheduled.conversationId,
    rowKey: scheduledKey(scheduled),
    text: scheduled.text,
    replyTo: scheduled.replyTo,
    sendAt: scheduled.sendAt.toISOString(),
    createdAt: scheduled.createdAt.toISOString(),
    version: scheduled.version,
    sequenceNumber: scheduled.sequenceNumber,
  });

export const scheduledFromRow = (row: Keys & ScheduledRow): ScheduledText => {
  const [, user = "", messageId = ""] = row.rowKey.split("|");
  return {
    conversationId: row.partitionKey,
    messageId,
    author: userOfKey(user),
    text: row.text,
    ...(row.replyTo === undefined ? {} : { replyTo: row.replyTo }),
    sendAt: new Date(row.sendAt),
    createdAt: new Date(row.createdAt),
    version: row.version,
    ...(row.sequenceNumber === undefined ? {} : { sequenceNumber: row.sequenceNumber }),
  };
};

export const expiryToRow = (conversationId: string, expiry: Expiry): Keys & { seq: number } => ({
  partitionKey: conversationId,
  rowKey: expiryKey(expiry),
  seq: expiry.seq,
});

export const expiryFromRow = (row: Keys & { seq: number }): Expiry => {
  const [, minute = "", messageId = ""] = row.rowKey.split("|");
  return { minute, messageId, seq: row.seq };
};

export const strayKey = ({ minute, messageId }: Stray): string => `z|${minute}|${messageId}`;

/** The row that leads to an index without a place in the log; none for others, to which the log leads. */
export const strayRows = (conversationId: string, { messageId, seq, at }: MessageIndex): readonly Keys[] =>
  seq === undefined ? [{ partitionKey: conversationId, rowKey: strayKey({ minute: forgetFrom(at), messageId }) }] : [];

export const strayFromRow = ({ rowKey }: Keys): Stray => {
  const [, minute = "", messageId = ""] = rowKey.split("|");
  return { minute, messageId };
};
