import type { Page } from "../contracts/http.js";
import type { DeliveryShape, MessageShape, PageShape } from "../contracts/shapes.js";
import { passedAt } from "../domain/conversation.js";
import { isOver, isReadable } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Ports } from "../ports.js";
import { receiptsShown } from "./block-user.js";
import { cursorOf, isSeq, placeIn } from "./cursor.js";
import { lifeOf } from "./message-life.js";
import { requireMember, requireMembers } from "./membership.js";
import { shapeScheduled } from "./schedule-text.js";
import { shapeMessage } from "./shaping.js";

const DEFAULT_LIMIT = 50;

/** The messages that the caller can read, newest first. @throws conversation-unknown, cursor-invalid */
export async function listMessages(
  ports: Ports,
  caller: string,
  conversationId: string,
  page: Page,
): Promise<PageShape<MessageShape>> {
  const { head, member } = await requireMember(ports, conversationId, caller);
  const limit = page.limit ?? DEFAULT_LIMIT;
  const upTo = page.cursor === undefined ? head.headSeq : placeIn(page.cursor, isSeq);
  const found = await ports.conversations.documents(conversationId, { above: member.joinedSeq, upTo, limit });
  const now = ports.clock.now();
  const last = found.at(-1);
  return {
    items: found
      .filter((document) => isReadable(document, member.joinedSeq, now))
      .map((document) => shapeMessage(document, now)),
    ...(found.length === limit && last !== undefined ? { nextCursor: cursorOf(last.seq - 1) } : {}),
  };
}

/**
 * One message. What never was delivered is there for its author alone.
 * @throws conversation-unknown, message-unknown-or-not-yet, message-expired, message-deleted
 */
export async function getMessage(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
): Promise<MessageShape> {
  const { member, index } = await ports.conversations.look(conversationId, { user: caller, messageId });
  if (member === undefined) throw new DayflyError("conversation-unknown");
  const now = ports.clock.now();
  if (index === undefined) {
    const scheduled = await ports.conversations.scheduledText(conversationId, caller, messageId);
    if (scheduled === undefined) throw new DayflyError("message-unknown-or-not-yet");
    return shapeScheduled(ports, scheduled);
  }
  if (index.seq === undefined ? index.author !== caller : index.seq <= member.joinedSeq) {
    throw new DayflyError("message-unknown-or-not-yet");
  }
  if (index.state === "failed" || index.state === "canceled") {
    return shapeMessage({ ...index, conversationId, sentAt: index.at, state: index.state }, now);
  }
  if (index.state === "deleted") {
    const file = await ports.conversations.file(conversationId, messageId);
    throw new DayflyError(file === undefined ? "message-deleted" : "file-deleted");
  }
  if (index.state === "expired" || isOver(index, now) || index.seq === undefined)
    throw new DayflyError("message-expired");
  const document = await ports.conversations.document(conversationId, index.seq);
  if (document === undefined || !isReadable(document, member.joinedSeq, now)) throw new DayflyError("message-expired");
  return shapeMessage(document, now);
}

/**
 * How far a message has got with each member; for its author alone.
 * @throws conversation-unknown, message-unknown-or-not-yet
 */
export async function getDelivery(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
): Promise<DeliveryShape> {
  const { members } = await requireMembers(ports, conversationId, caller);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  const scheduled =
    index === undefined ? await ports.conversations.scheduledText(conversationId, caller, messageId) : undefined;
  if (scheduled !== undefined) {
    const event = { event: "message.scheduled", at: scheduled.createdAt.toISOString() } as const;
    return { state: "scheduled", perMember: [], events: [event] };
  }
  if (index?.author !== caller) throw new DayflyError("message-unknown-or-not-yet");
  const { seq } = index;
  const readers = (await receiptsShown(ports, caller))(members);
  const over = index.state === "delivered" && isOver(index, ports.clock.now());
  return {
    state: over ? "expired" : index.state,
    perMember:
      seq === undefined
        ? []
        : members
            .filter((member) => member.user !== caller && member.joinedSeq < seq)
            .map((member) => {
              const isShown = readers.includes(member);
              const deliveredAt = isShown ? passedAt(member.delivered, seq)?.toISOString() : undefined;
              const readAt = isShown ? passedAt(member.read, seq)?.toISOString() : undefined;
              return {
                user: member.user,
                ...(deliveredAt === undefined ? {} : { deliveredAt }),
                ...(readAt === undefined ? {} : { readAt }),
              };
            }),
    ...(index.failure === undefined ? {} : { failure: { code: index.failure } }),
    ...(await lifeOf(ports, conversationId, index, readers)),
  };
}
