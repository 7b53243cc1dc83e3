import type { Page } from "../contracts/http.js";
import type { ExportedConversationShape, MessageShape, PageShape } from "../contracts/shapes.js";
import { isReadable } from "../domain/message.js";
import type { Ports } from "../ports.js";
import { cursorOf, isId, placeIn } from "./cursor.js";
import { shapeScheduled } from "./schedule-text.js";
import { shapeMessage } from "./shaping.js";

const DEFAULT_LIMIT = 10;
const PAGE = 100;

/**
 * What is kept of the caller: memberships with their watermarks, own messages that are still readable, and own texts that wait.
 * What others have said is theirs. A page has at most `limit` conversations, newest first.
 * @throws cursor-invalid
 */
export async function exportOwn(
  ports: Ports,
  caller: string,
  { limit = DEFAULT_LIMIT, cursor }: Page,
): Promise<PageShape<ExportedConversationShape>> {
  const after = cursor === undefined ? {} : { after: placeIn(cursor, isId) };
  const ids = await ports.memberships.page(caller, { limit, ...after });
  const items: ExportedConversationShape[] = [];
  // One after the other: nobody waits for an export.
  for (const id of ids) items.push(...(await exportConversation(ports, caller, id)));
  const last = ids.at(-1);
  return { items, ...(ids.length === limit && last !== undefined ? { nextCursor: cursorOf(last) } : {}) };
}

/** None where the caller is not a member any more: a membership alone does not count. */
async function exportConversation(
  ports: Ports,
  caller: string,
  conversationId: string,
): Promise<readonly ExportedConversationShape[]> {
  const { head, member } = await ports.conversations.look(conversationId, { user: caller });
  if (head === undefined || member === undefined) return [];
  const waiting = await ports.conversations.scheduledTexts(conversationId, { author: caller, limit: PAGE });
  return [
    {
      id: conversationId,
      ...(head.title === undefined ? {} : { title: head.title }),
      joinedAt: member.joinedAt.toISOString(),
      delivered: member.delivered.map(shapeStep),
      read: member.read.map(shapeStep),
      messages: await ownMessages(ports, caller, conversationId, { above: member.joinedSeq, upTo: head.headSeq }),
      scheduled: waiting.map((scheduled) => shapeScheduled(ports, scheduled)),
    },
  ];
}

const shapeStep = ([seq, at]: readonly [number, number]) => ({ seq, at: new Date(at).toISOString() });

async function ownMessages(
  ports: Ports,
  caller: string,
  conversationId: string,
  { above, upTo }: { readonly above: number; readonly upTo: number },
): Promise<readonly MessageShape[]> {
  const own: MessageShape[] = [];
  for (let next = upTo; ;) {
    const documents = await ports.conversations.documents(conversationId, { above, upTo: next, limit: PAGE });
    const now = ports.clock.now();
    own.push(
      ...documents
        .filter((document) => document.author === caller && isReadable(document, above, now))
        .map((document) => shapeMessage(document, now)),
    );
    const last = documents.at(-1);
    if (documents.length < PAGE || last === undefined) return own;
    next = last.seq - 1;
  }
}
