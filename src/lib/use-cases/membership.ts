/** The one rule of who may see a conversation: its members. Everyone else cannot tell it from one that does not exist. */
import type { Head, Member } from "../domain/conversation.js";
import { DayflyError } from "../errors.js";
import type { Ports, Versioned } from "../ports.js";

export const unknownConversation = (): DayflyError => new DayflyError("conversation-unknown");

/** The head and the caller's own row. @throws conversation-unknown for everyone who is not a member */
export async function requireMember(
  { conversations }: Pick<Ports, "conversations">,
  conversationId: string,
  user: string,
): Promise<{ head: Versioned<Head>; member: Versioned<Member> }> {
  const { head, member } = await conversations.look(conversationId, { user });
  if (head === undefined || member === undefined) throw unknownConversation();
  return { head, member };
}

/** Head and all members, for a caller who is one of them. @throws conversation-unknown */
export async function requireMembers(
  { conversations }: Pick<Ports, "conversations">,
  conversationId: string,
  user: string,
): Promise<{ head: Versioned<Head>; members: readonly Versioned<Member>[]; caller: Versioned<Member> }> {
  const found = await conversations.load(conversationId);
  const caller = found?.members.find((member) => member.user === user);
  if (found === undefined || caller === undefined) throw unknownConversation();
  return { ...found, caller };
}
