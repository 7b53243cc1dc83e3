import type { Changes, Sync } from "../contracts/http.js";
import type { ChangesShape, SyncShape } from "../contracts/shapes.js";
import type { Head, Member } from "../domain/conversation.js";
import { DayflyError, isDayflyError } from "../errors.js";
import type { Ports } from "../ports.js";
import { mapInTurn } from "./map-in-turn.js";
import { requireMember } from "./membership.js";
import { shapeChange } from "./shaping.js";

const DEFAULT_LIMIT = 100;
/** A sync of 100 conversations answers at most 2,000 changes; the rest of each by `changes`. */
const SYNC_LIMIT = 20;
const CONVERSATIONS_AT_ONCE = 10;
const DOCUMENTS_AT_ONCE = 10;
const MOST_OTHERS = 1_000;

/** What happened after `after`, in order. @throws conversation-unknown, cursor-expired */
export async function readChanges(
  ports: Ports,
  caller: string,
  conversationId: string,
  { after = 0, limit = DEFAULT_LIMIT }: Changes,
): Promise<ChangesShape> {
  const { head, member } = await requireMember(ports, conversationId, caller);
  return changesOf(ports, head, member, after, limit);
}

async function changesOf(
  ports: Ports,
  head: Head,
  member: Member,
  after: number,
  limit: number,
): Promise<ChangesShape> {
  const from = Math.max(after, member.joinedSeq);
  if (from >= head.headSeq) return { items: [], headSeq: head.headSeq, hasMore: false };
  const entries = await ports.conversations.entries(head.conversationId, from, limit);
  // The log has no gap: what is missing after `from` has been forgotten.
  if (entries.length === 0 || entries.some(({ seq }, n) => seq !== from + 1 + n)) throw expired(["/after"]);
  const last = entries.at(-1)?.seq ?? from;
  // A message's document has the seq of the entry that created it: one range holds all that this page can show.
  const documents = entries.some((entry) => entry.type === "message.created")
    ? await ports.conversations.documents(head.conversationId, { above: from, upTo: last, limit })
    : [];
  const bySeq = new Map(documents.map((document) => [document.seq, document]));
  // What later entries tell of may have been created long before this page.
  const earlier = [...new Set(entries.flatMap(({ messageSeq }) => messageSeq ?? []))].filter((seq) => seq <= from);
  const fetched = await mapInTurn(earlier, DOCUMENTS_AT_ONCE, (seq) =>
    ports.conversations.document(head.conversationId, seq),
  );
  for (const document of fetched) if (document !== undefined) bySeq.set(document.seq, document);
  const now = ports.clock.now();
  return {
    items: entries.map((entry) => shapeChange(entry, bySeq.get(entry.messageSeq ?? entry.seq), member.joinedSeq, now)),
    // The log may have moved between the two reads: never claim a head below what is shown.
    headSeq: Math.max(head.headSeq, last),
    hasMore: last < head.headSeq,
  };
}

/**
 * What moved in which of the named conversations, which are left, and which others the caller has.
 * @throws cursor-expired that names every conversation whose changes are not kept any more
 */
export async function sync(ports: Ports, caller: string, { heads }: Sync): Promise<SyncShape> {
  const memberships = ports.memberships.all(caller);
  const tooOld: string[] = [];
  const found = await mapInTurn(Object.entries(heads), CONVERSATIONS_AT_ONCE, async ([conversationId, seq]) => {
    const { head, member } = await ports.conversations.look(conversationId, { user: caller });
    if (head === undefined || member === undefined) return { conversationId, left: true as const };
    if (head.headSeq <= Math.max(seq, member.joinedSeq)) return undefined;
    try {
      return { conversationId, left: false as const, changes: await changesOf(ports, head, member, seq, SYNC_LIMIT) };
    } catch (error) {
      if (!isDayflyError(error) || error.code !== "cursor-expired") throw error;
      tooOld.push(`/heads/${conversationId}`);
      return undefined;
    }
  });
  if (tooOld.length > 0) throw expired(tooOld);
  const moved = found.filter((each) => each !== undefined);
  return {
    items: moved.flatMap((each) => (each.left ? [] : [{ conversationId: each.conversationId, ...each.changes }])),
    left: moved.flatMap((each) => (each.left ? [each.conversationId] : [])),
    others: (await memberships).filter((id) => heads[id] === undefined).slice(0, MOST_OTHERS),
  };
}

const expired = (pointers: readonly string[]): DayflyError =>
  new DayflyError("cursor-expired", {
    errors: pointers.map((pointer) => ({ pointer, detail: "is older than what is kept of the log" })),
  });
