import type { Head } from "../domain/conversation.js";
import type { MessageIndex, Text } from "../domain/message.js";
import type { Ports, Versioned } from "../ports.js";
import { isUnheard } from "./block-user.js";
import { dropScheduled } from "./drop-scheduled.js";
import { noteEnd } from "./note-end.js";
import { freeSlot } from "./scheduled-quota.js";
import { tellAuthor } from "./tell-author.js";

type Code = "author-left" | "blocked";
type Refusal = { readonly outcome: "stale" } | { readonly outcome: "failed"; readonly code: Code };

const isOurs = (failure: string | undefined): failure is Code => failure === "author-left" || failure === "blocked";

/**
 * A scheduled text is sent only while its row says so, its author is there, and whoever would get it wants to. Undefined when
 * nothing speaks against it; `again` when the conversation has moved meanwhile.
 */
export async function refuseScheduled(
  ports: Ports,
  text: Text & { readonly expiresAt: Date; readonly schedule: number | undefined },
  {
    head,
    index,
    isMember,
  }: { readonly head: Versioned<Head>; readonly index: MessageIndex | undefined; readonly isMember: boolean },
): Promise<Refusal | "again" | undefined> {
  const { conversationId, messageId, author, expiresAt } = text;
  if (index !== undefined) {
    // Delivered already, or the id went to another message while this one waited: it waits no longer.
    await dropScheduled(ports, text);
    // Whoever refused it may have died before the author was told.
    if (index.author === author && isOurs(index.failure)) await tell(ports, text, index.failure);
    return undefined;
  }
  // Read after the head, whose version the write depends on: whoever changes the row meanwhile wins.
  const row = await ports.conversations.scheduledText(conversationId, author, messageId);
  if (row?.version !== text.schedule) {
    if (row === undefined) await freeSlot(ports, text);
    return { outcome: "stale" };
  }
  const code = !isMember ? "author-left" : (await isUnheard(ports, author, conversationId)) ? "blocked" : undefined;
  if (code === undefined) return undefined;
  const at = new Date(ports.clock.now());
  await noteEnd(ports, conversationId, at);
  const isRefused = await ports.conversations.commit({
    ...{ head, next: head, entries: [], scheduledRemoved: [text] },
    indexes: [{ messageId, author, state: "failed", at, expiresAt, failure: code }],
  });
  if (!isRefused) return "again";
  await freeSlot(ports, text);
  await tell(ports, text, code);
  return { outcome: "failed", code };
}

async function tell(ports: Ports, { conversationId, messageId, author }: Text, code: Code): Promise<void> {
  const event = { conversationId, messageId, at: new Date(ports.clock.now()).toISOString(), code };
  // Who has left is in no room of the conversation any more.
  await tellAuthor(ports, author, "message.failed", event, { everywhere: code === "author-left" });
}
