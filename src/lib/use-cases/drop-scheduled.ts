import type { ScheduledText } from "../domain/schedule.js";
import type { Ports } from "../ports.js";
import { freeSlot } from "./scheduled-quota.js";

/**
 * Removes a waiting text that will never be sent: its time is over, or its id belongs to another message. With `version` only
 * that one, for its author may have changed it since.
 */
export async function dropScheduled(
  { conversations, slots }: Pick<Ports, "conversations" | "slots">,
  { conversationId, author, messageId }: Pick<ScheduledText, "conversationId" | "author" | "messageId">,
  version?: number,
): Promise<void> {
  for (;;) {
    const { head } = await conversations.look(conversationId, {});
    const row = await conversations.scheduledText(conversationId, author, messageId);
    if (row !== undefined && version !== undefined && row.version !== version) return;
    const isGone =
      head === undefined ||
      row === undefined ||
      (await conversations.commit({ head, next: head, entries: [], scheduledRemoved: [row] }));
    if (isGone) return freeSlot({ slots }, { author, conversationId, messageId });
  }
}
