/** From what is stored to what a client gets. */
import { deliveredSeq, MAX_MEMBERS_WITH_RECEIPTS, readSeq, type Head, type Member } from "../domain/conversation.js";
import type { StoredFile } from "../domain/file.js";
import { isReadable, timeLeft, type AttachedFile, type MessageDocument, type Retention } from "../domain/message.js";
import type {
  ChangeShape,
  ConversationShape,
  FileShape,
  MessageShape,
  ReceiptShape,
  RetentionShape,
} from "../contracts/shapes.js";
import type { Entry } from "../ports.js";

const NO_RETENTION: RetentionShape = { state: "none", required: [], consents: [] };

export function shapeRetention(message: {
  readonly retention?: Retention | undefined;
  readonly expiresAt: Date;
}): RetentionShape {
  const { retention, expiresAt } = message;
  if (retention === undefined) return NO_RETENTION;
  const { state, required, consents } = retention;
  return {
    state,
    required,
    consents: consents.map(({ user, at }) => ({ user, at: at.toISOString() })),
    ...(state === "retained" ? { until: expiresAt.toISOString() } : {}),
  };
}

const receiptOf = (member: Member): ReceiptShape => ({
  user: member.user,
  deliveredSeq: deliveredSeq(member),
  readSeq: readSeq(member),
});

/** @param readers whose receipts are shown */
export function shapeConversation(
  head: Head,
  members: readonly Member[],
  caller: Member,
  unread: number,
  readers = members,
): ConversationShape {
  return {
    id: head.conversationId,
    ...(head.title === undefined ? {} : { title: head.title }),
    members: members.map((member) => member.user),
    createdAt: head.createdAt.toISOString(),
    headSeq: head.headSeq,
    joinedSeq: caller.joinedSeq,
    ...(head.lastMessageAt === undefined ? {} : { lastMessageAt: head.lastMessageAt.toISOString() }),
    unread,
    receipts: members.length > MAX_MEMBERS_WITH_RECEIPTS ? [] : readers.map(receiptOf),
  };
}

type Shapable = Pick<MessageDocument, "conversationId" | "messageId" | "author" | "sentAt" | "expiresAt"> & {
  readonly seq?: number;
  readonly text?: string | undefined;
  readonly edited?: MessageDocument["edited"];
  readonly file?: AttachedFile | undefined;
  readonly replyTo?: string | undefined;
  readonly retention?: Retention;
  readonly state: MessageShape["state"];
};

export function shapeMessage(message: Shapable, now: number): MessageShape {
  return {
    id: message.messageId,
    conversationId: message.conversationId,
    ...(message.seq === undefined ? {} : { seq: message.seq }),
    author: message.author,
    kind: message.file === undefined ? "text" : "file",
    ...(message.text === undefined ? {} : { text: message.text }),
    ...(message.edited === undefined
      ? {}
      : { edited: { times: message.edited.times, at: message.edited.at.toISOString() } }),
    ...(message.file === undefined ? {} : { file: attached(message.messageId, message.file, message.state) }),
    ...(message.replyTo === undefined ? {} : { replyTo: message.replyTo }),
    sentAt: message.sentAt.toISOString(),
    expiresAt: message.expiresAt.toISOString(),
    expiresInMs: timeLeft(message, now),
    state: message.state,
    retention: shapeRetention(message),
  };
}

const attached = (id: string, file: AttachedFile, state: MessageShape["state"]): FileShape => ({
  id,
  ...factsOf(file),
  state: state === "accepted" ? "accepted" : "ready",
});

const factsOf = ({ name, size, contentType, deleteWhen }: AttachedFile): AttachedFile => ({
  ...{ name, size, contentType, deleteWhen },
});

export const shapeFile = (file: StoredFile): FileShape => ({
  id: file.fileId,
  ...factsOf(file),
  state: file.state,
  ...(file.reason === undefined ? {} : { reason: file.reason }),
});

/** The message that the file will be, or is. */
export const shapeFileMessage = (file: StoredFile, now: number): MessageShape =>
  shapeMessage(
    {
      conversationId: file.conversationId,
      messageId: file.fileId,
      author: file.author,
      file,
      sentAt: file.acceptedAt ?? file.createdAt,
      expiresAt: file.expiresAt,
      state: file.seq === undefined ? "accepted" : "delivered",
      ...(file.seq === undefined ? {} : { seq: file.seq }),
    },
    now,
  );

export function shapeChange(
  entry: Entry,
  document: MessageDocument | undefined,
  joinedSeq: number,
  now: number,
): ChangeShape {
  const readable = document !== undefined && isReadable(document, joinedSeq, now);
  return {
    seq: entry.seq,
    type: entry.type,
    ...(entry.messageId === undefined ? {} : { messageId: entry.messageId }),
    ...(entry.user === undefined ? {} : { user: entry.user }),
    ...(entry.reason === undefined ? {} : { reason: entry.reason }),
    at: entry.at.toISOString(),
    ...(readable ? { message: shapeMessage(document, now) } : {}),
  };
}
