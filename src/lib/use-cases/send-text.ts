import { isOver, isSameText, type Text } from "../domain/message.js";
import type { SendMessage } from "../contracts/http.js";
import type { MessageShape } from "../contracts/shapes.js";
import { DayflyError } from "../errors.js";
import { uuidv7 } from "../ids.js";
import type { Ports, Trace } from "../ports.js";
import { unknownConversation } from "./membership.js";
import { shapeMessage } from "./shaping.js";

/**
 * Accepts a text: from here on it is in the queue, and nothing else was written. The same id again by the same author with
 * the same content answers the same; the broker drops the repetition, and delivery is idempotent beyond its memory.
 * @throws conversation-unknown, message-id-taken, message-expired, message-deleted, dependency-unavailable (then nothing was accepted)
 */
export async function sendText(
  ports: Ports,
  author: string,
  conversationId: string,
  input: SendMessage,
  trace: Trace,
): Promise<MessageShape> {
  const { member, index } = await ports.conversations.look(conversationId, {
    user: author,
    ...(input.id === undefined ? {} : { messageId: input.id }),
    headless: true,
  });
  if (member === undefined) throw unknownConversation();

  const now = ports.clock.now();
  const message: Text = {
    conversationId,
    messageId: input.id ?? uuidv7(),
    author,
    text: input.text,
    ...(input.replyTo === undefined ? {} : { replyTo: input.replyTo }),
  };
  if (index !== undefined) {
    if (index.author !== author) throw idTaken();
    if (index.state === "deleted") throw new DayflyError("message-deleted");
    if (index.state === "expired" || isOver(index, now)) throw new DayflyError("message-expired");
    const document =
      index.seq === undefined ? undefined : await ports.conversations.document(conversationId, index.seq);
    if (document === undefined || !isSameText(message, document)) throw idTaken();
    return shapeMessage(document, now);
  }

  const sentAt = new Date(now);
  const expiresAt = new Date(now + ports.policy.textLifetimeMs);
  await ports.queues.sendText(
    {
      v: 1,
      id: message.messageId,
      conversation: conversationId,
      author,
      text: message.text,
      ...(message.replyTo === undefined ? {} : { quote: message.replyTo }),
      sentAt: sentAt.toISOString(),
      endsAt: expiresAt.toISOString(),
      attempt: 1,
    },
    trace,
  );
  ports.metrics.count("dayfly_texts_accepted_total");
  return shapeMessage({ ...message, sentAt, expiresAt, state: "accepted" }, now);
}

const idTaken = (): DayflyError =>
  new DayflyError("message-id-taken", { errors: [{ pointer: "/id", detail: "is taken by another message" }] });
