import type { Head } from "../domain/conversation.js";
import type { MessageDocument } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Ports, Versioned } from "../ports.js";
import { requireMember } from "./membership.js";

/**
 * A delivered message of the caller's own, with the head that it was read under.
 * @throws conversation-unknown, message-unknown-or-not-yet (also while it is on its way), not-allowed
 */
export async function requireAuthor(
  ports: Ports,
  conversationId: string,
  messageId: string,
  caller: string,
): Promise<{ readonly head: Versioned<Head>; readonly document: MessageDocument }> {
  const { head, member } = await requireMember(ports, conversationId, caller);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  const document =
    index?.seq === undefined || index.seq <= member.joinedSeq
      ? undefined
      : await ports.conversations.document(conversationId, index.seq);
  if (document === undefined) throw new DayflyError("message-unknown-or-not-yet");
  if (document.author !== caller) throw new DayflyError("not-allowed");
  return { head, document };
}
