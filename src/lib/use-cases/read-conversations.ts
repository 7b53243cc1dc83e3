import { readSeq, type Head, type Member } from "../domain/conversation.js";
import type { ConversationShape, PageShape } from "../contracts/shapes.js";
import type { Page } from "../contracts/http.js";
import type { Ports } from "../ports.js";
import { receiptsShown } from "./block-user.js";
import { cursorOf, isId, placeIn } from "./cursor.js";
import { requireMembers } from "./membership.js";
import { shapeConversation } from "./shaping.js";

const DEFAULT_LIMIT = 50;
const MOST_UNREAD = 1_000;

/** One conversation, as its caller sees it. @throws conversation-unknown */
export async function getConversation(
  ports: Ports,
  caller: string,
  conversationId: string,
): Promise<ConversationShape> {
  const { head, members, caller: own } = await requireMembers(ports, conversationId, caller);
  return shape(ports, { head, members, own, readers: (await receiptsShown(ports, caller))(members) });
}

/** The caller's conversations, newest first. A page may be shorter than asked for while `nextCursor` says there is more. */
export async function listConversations(
  ports: Ports,
  caller: string,
  page: Page,
): Promise<PageShape<ConversationShape>> {
  const limit = page.limit ?? DEFAULT_LIMIT;
  const after = page.cursor === undefined ? undefined : placeIn(page.cursor, isId);
  const ids = await ports.memberships.page(caller, { limit, ...(after === undefined ? {} : { after }) });
  const readersOf = await receiptsShown(ports, caller);
  const items = await Promise.all(
    ids.map(async (id) => {
      const found = await ports.conversations.load(id);
      const own = found?.members.find((member) => member.user === caller);
      if (found === undefined || own === undefined) return undefined;
      return shape(ports, { ...found, own, readers: readersOf(found.members) });
    }),
  );
  const last = ids.at(-1);
  return {
    items: items.filter((item) => item !== undefined),
    ...(ids.length === limit && last !== undefined ? { nextCursor: cursorOf(last) } : {}),
  };
}

interface Seen {
  readonly head: Head;
  readonly members: readonly Member[];
  readonly own: Member;
  readonly readers: readonly Member[];
}

async function shape(ports: Ports, { head, members, own, readers }: Seen): Promise<ConversationShape> {
  const read = readSeq(own);
  const unread =
    head.lastMessageSeq <= read
      ? 0
      : await ports.conversations.countOfOthers(head.conversationId, read, own.user, MOST_UNREAD);
  return shapeConversation(head, members, own, unread, readers);
}
