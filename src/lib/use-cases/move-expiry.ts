/** The rows of a message whose end moves. */
import { minuteOf } from "../domain/deadline.js";
import type { MessageDocument, MessageIndex } from "../domain/message.js";
import type { LogStep } from "../ports.js";

/** Where its deadline looks for it: an agreement that is not moved yet still lies where the text would have ended. */
export const deadlineOf = ({ expiresAt, retention }: MessageDocument): Date =>
  retention?.state === "retained" && retention.movedSeq === undefined ? retention.endsAt : expiresAt;

/** The row that a deadline must find goes to another minute. A transaction may touch a row only once. */
export function moveExpiry(
  { messageId, seq }: MessageDocument,
  from: Date,
  to: Date,
): Pick<LogStep, "expiriesMet" | "expiriesAdded"> {
  const [old, next] = [minuteOf(from), minuteOf(to)];
  if (old === next) return {};
  return {
    expiriesMet: [{ minute: old, messageId, seq }],
    expiriesAdded: [{ minute: next, messageId, seq }],
  };
}

export const indexOf = ({ messageId, author, seq, sentAt, expiresAt }: MessageDocument): MessageIndex => ({
  messageId,
  author,
  state: "delivered",
  seq,
  at: sentAt,
  expiresAt,
});
