import type { ScheduledText } from "../domain/schedule.js";
import type { Ports } from "../ports.js";

/**
 * Removes a waiting text that will never be sent: its time is over, or its id belongs to another message. With `version` only
 * that one, for its author may have changed it since.
 */
export async function dropScheduled(
  { conversations }: Pick<Ports, "conversations">,
  { conversationId, author, messageId }: Pick<ScheduledText, "conversationId" | "author" | "messageId">,
  version?: number,
): Promise<void> {
  for (;;) {
    const { head } = await conversations.look(conversationId, {});
    const row = await conversations.scheduledText(conversationId, author, messageId);
    if (head === undefined || row === undefined || (version !== undefined && row.version !== version)) return;
    if (await conversations.commit({ head, next: head, entries: [], scheduledRemoved: [row] })) return;
  }
}
