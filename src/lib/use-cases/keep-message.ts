/** Keeping texts by everyone's consent: the requests of members, and what follows from them. */
import type { Consents, GiveConsent } from "../contracts/http.js";
import type { ConsentResultShape, MessageShape } from "../contracts/shapes.js";
import { minuteOf } from "../domain/deadline.js";
import { hasBeenClosed, withHold, type StoredFile } from "../domain/file.js";
import { isOver, type MessageDocument } from "../domain/message.js";
import { annul, consent, reconsider, withdraw, type Consenting, type Withdrawal } from "../domain/retention.js";
import { DayflyError, isDayflyError } from "../errors.js";
import type { Entry, LogStep, Ports, Trace, Versioned } from "../ports.js";
import { announce } from "./announce.js";
import { endMessages } from "./end-messages.js";
import { requireMember, requireMembers } from "./membership.js";
import { deadlineOf, indexOf, moveExpiry } from "./move-expiry.js";
import { noteEnd } from "./note-end.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { settleFile } from "./settle-file.js";
import { shapeMessage } from "./shaping.js";

const REQUESTS_AT_ONCE = 50;

/**
 * Gives the caller's consent to keep a text. The first one asks, the last one agrees; again changes nothing.
 * `edits`: how many changes of the text the caller has seen.
 * @throws conversation-unknown, message-unknown-or-not-yet, retention-lapsed, retention-unavailable, message-edited, file-closed
 */
export async function giveConsent(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  { edits = 0 }: GiveConsent,
  trace: Trace,
): Promise<MessageShape> {
  for (;;) {
    const { head, members, document } = await visible(ports, caller, conversationId, messageId);
    const now = ports.clock.now();
    const consenting = consent(document, members, caller, now, ports.policy.retentionMs);
    if (consenting.kind === "lapsed") throw new DayflyError("retention-lapsed");
    if (consenting.kind === "unavailable") throw new DayflyError("retention-unavailable");
    // Nobody agrees to words that they have not seen.
    const present = document.edited?.times ?? 0;
    if (consenting.kind !== "same" && edits !== present) {
      throw new DayflyError("message-edited", { allowed: { edits: present } });
    }
    const file = await fileOf(ports, document);
    // What one reader has seen the last of cannot be agreed upon any more.
    if (consenting.kind !== "same" && file !== undefined && hasBeenClosed(file)) throw new DayflyError("file-closed");
    if (consenting.kind !== "same" && !(await keep(ports, head, document, consenting, trace, file))) continue;
    const result = consenting.kind === "same" ? document : consenting.document;
    // The answer to the last consent may have been lost, and with it the process that was to move the text.
    if (consenting.kind === "same" && isUnmoved(result)) await sendOn(ports, result, trace);
    return shapeMessage(result, now);
  }
}

/**
 * Withdraws the caller's consent, or declines. An agreement ends with it: the text ends when it would have ended, or now.
 * @throws conversation-unknown, message-unknown-or-not-yet, message-expired
 */
export async function withdrawConsent(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  trace: Trace,
): Promise<MessageShape> {
  for (;;) {
    const { head, document } = await visible(ports, caller, conversationId, messageId);
    const now = ports.clock.now();
    const withdrawal = withdraw(document, caller, now);
    if (withdrawal.kind === "over") throw new DayflyError("message-expired");
    if (withdrawal.kind === "same") return shapeMessage(document, now);
    const ended = await undo(ports, head, document, withdrawal, trace);
    if (ended !== undefined) return shapeMessage(ended, now);
  }
}

/** The same for a user who is not there any more. True when that has changed something. */
export const withdrawFor = (
  ports: Ports,
  user: string,
  conversationId: string,
  seq: number,
  trace: Trace,
): Promise<boolean> => withdrawAs(ports, conversationId, seq, (document, now) => withdraw(document, user, now), trace);

async function withdrawAs(
  ports: Ports,
  conversationId: string,
  seq: number,
  decide: (document: MessageDocument, now: number) => Withdrawal,
  trace: Trace,
): Promise<boolean> {
  for (;;) {
    const { head } = await ports.conversations.look(conversationId, {});
    const document = await ports.conversations.document(conversationId, seq);
    if (head === undefined || document === undefined) return false;
    const withdrawal = decide(document, ports.clock.now());
    if (withdrawal.kind === "over" || withdrawal.kind === "same") return false;
    if ((await undo(ports, head, document, withdrawal, trace)) !== undefined) return true;
  }
}

/**
 * Gives the caller's consent to every text in a stretch of the log, each by itself.
 * @throws conversation-unknown
 */
export async function giveConsents(
  ports: Ports,
  caller: string,
  conversationId: string,
  { fromSeq, toSeq }: Consents,
  trace: Trace,
): Promise<{ readonly items: readonly ConsentResultShape[] }> {
  const { member } = await requireMember(ports, conversationId, caller);
  const above = Math.max(fromSeq - 1, member.joinedSeq);
  const documents = await ports.conversations.documents(conversationId, { above, upTo: toSeq, limit: 100 });
  const items: ConsentResultShape[] = [];
  // One after another: all of them want the same head.
  for (const { messageId, seq } of [...documents].reverse()) {
    try {
      const { retention } = await giveConsent(ports, caller, conversationId, messageId, {}, trace);
      items.push({ messageId, seq, retention });
    } catch (error) {
      if (!isDayflyError(error) || error.code === "dependency-unavailable") throw error;
      items.push({ messageId, seq, code: error.code });
    }
  }
  return { items };
}

/** After a member has left: requests that now have every consent they need are agreed, those without any are dropped. */
export const reconsiderRequests = (ports: Ports, conversationId: string, trace: Trace): Promise<void> =>
  eachRequest(ports, conversationId, (seq) => reconsiderRequest(ports, conversationId, seq, trace));

/** The members want nothing of each other any more: whatever they have been asked comes to nothing. */
export const voidRequests = (ports: Ports, conversationId: string, trace: Trace): Promise<void> =>
  eachRequest(ports, conversationId, async (seq) => {
    await withdrawAs(ports, conversationId, seq, annul, trace);
  });

async function eachRequest(ports: Ports, conversationId: string, act: (seq: number) => Promise<void>): Promise<void> {
  for (let after: string | undefined, more = true; more;) {
    const requests = await ports.conversations.requests(conversationId, after, REQUESTS_AT_ONCE);
    for (const { seq } of requests) await act(seq);
    after = requests.at(-1)?.messageId;
    more = requests.length === REQUESTS_AT_ONCE;
  }
}

async function reconsiderRequest(ports: Ports, conversationId: string, seq: number, trace: Trace): Promise<void> {
  for (;;) {
    const found = await ports.conversations.load(conversationId);
    const document = await ports.conversations.document(conversationId, seq);
    if (found === undefined || document === undefined) return;
    const consenting = reconsider(document, found.members, ports.clock.now(), ports.policy.retentionMs);
    if (consenting.kind === "lapsed" || consenting.kind === "unavailable" || consenting.kind === "same") return;
    const file = await fileOf(ports, document);
    if (file !== undefined && hasBeenClosed(file)) return;
    if (await keep(ports, found.head, document, consenting, trace, file)) return;
  }
}

/**
 * Moves a text that all have agreed to keep: its new deadline is armed, the log tells of the agreement. Again it repeats what
 * follows the write. False when there is nothing to move.
 */
export async function moveRetained(ports: Ports, conversationId: string, seq: number, trace: Trace): Promise<boolean> {
  for (;;) {
    const { head } = await ports.conversations.look(conversationId, {});
    const document = await ports.conversations.document(conversationId, seq);
    if (head === undefined || document?.retention?.state !== "retained") return false;
    const at = new Date(ports.clock.now());
    if (document.state !== "delivered" || isOver(document, at.getTime())) return false;
    const { messageId, retention } = document;
    const entry: Entry = {
      seq: retention.movedSeq ?? head.headSeq + 1,
      type: "retention.retained",
      messageId,
      messageSeq: seq,
      at,
    };
    if (retention.movedSeq === undefined) {
      await addDue(ports, document, { moved: true });
      const step: LogStep = {
        head,
        next: { ...head, headSeq: entry.seq },
        entries: [entry],
        documentsChanged: [{ ...document, retention: { ...retention, movedSeq: entry.seq } }],
        ...moveExpiry(document, retention.endsAt, document.expiresAt),
      };
      if (!(await ports.conversations.commit(step))) continue;
    }
    await scheduleExpiry(ports, document, trace, { moved: true });
    await announce(ports, { conversationId, entry, document }, trace);
    return true;
  }
}

async function visible(ports: Ports, caller: string, conversationId: string, messageId: string) {
  const found = await requireMembers(ports, conversationId, caller);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  const document =
    index?.seq === undefined || index.seq <= found.caller.joinedSeq
      ? undefined
      : await ports.conversations.document(conversationId, index.seq);
  if (document === undefined) throw new DayflyError("message-unknown-or-not-yet");
  return { ...found, document };
}

/** Writes what a consent has changed, and does what follows; false when the conversation has moved meanwhile. */
async function keep(
  ports: Ports,
  head: LogStep["head"],
  before: MessageDocument,
  { kind, document }: Extract<Consenting, { readonly document: MessageDocument }>,
  trace: Trace,
  file: Versioned<StoredFile> | undefined,
): Promise<boolean> {
  const { conversationId, messageId, seq } = document;
  const request = { messageId, seq };
  const wasOpen = before.retention?.state === "pending";
  const isOpen = document.retention?.state === "pending";
  const at = new Date(ports.clock.now());
  const entries: readonly Entry[] =
    kind === "requested"
      ? [{ seq: head.headSeq + 1, type: "retention.requested", messageId, messageSeq: seq, at }]
      : [];
  const step: LogStep = {
    head,
    next: { ...head, headSeq: head.headSeq + entries.length },
    entries,
    documentsChanged: [document],
    ...(kind === "agreed" ? { indexesChanged: [indexOf(document)], ...held(file, true, document) } : {}),
    ...(isOpen && !wasOpen ? { requestsOpened: [request] } : {}),
    ...(wasOpen && !isOpen ? { requestsClosed: [request] } : {}),
  };
  if (!(await ports.conversations.commit(step))) return false;
  for (const entry of entries) await announce(ports, { conversationId, entry, document }, trace);
  if (kind === "agreed") await sendOn(ports, document, trace);
  return true;
}

/** Writes what a withdrawal has changed; the document afterwards, or undefined when the conversation has moved meanwhile. */
async function undo(
  ports: Ports,
  head: LogStep["head"],
  before: MessageDocument,
  { kind, document }: Extract<Withdrawal, { readonly document: MessageDocument }>,
  trace: Trace,
): Promise<MessageDocument | undefined> {
  const { conversationId, messageId, seq } = document;
  if (kind === "withdrawn") {
    const closed = document.retention?.state === "pending" ? {} : { requestsClosed: [{ messageId, seq }] };
    const step: LogStep = { head, next: head, entries: [], documentsChanged: [document], ...closed };
    return (await ports.conversations.commit(step)) ? document : undefined;
  }
  const at = new Date(ports.clock.now());
  const released: Entry = { seq: head.headSeq + 1, type: "retention.released", messageId, messageSeq: seq, at };
  const from = deadlineOf(before);
  const file = await fileOf(ports, document);
  // A file's bytes have to be deleted first: it ends by itself, after this.
  const ends = isOver(document, at.getTime()) && file === undefined;
  const ended = ends ? endMessages([document], released.seq, at) : undefined;
  await (ends ? noteEnd(ports, conversationId, at) : addDue(ports, document, { moved: true }));
  const step: LogStep = {
    head,
    next: { ...head, headSeq: released.seq + (ended?.entries.length ?? 0) },
    documentsChanged: [document],
    indexesChanged: [indexOf(document)],
    ...held(file, false, document),
    ...(ended === undefined
      ? moveExpiry(document, from, document.expiresAt)
      : { ...ended, expiriesMet: [{ minute: minuteOf(from), messageId, seq }] }),
    entries: [released, ...(ended?.entries ?? [])],
  };
  if (!(await ports.conversations.commit(step))) return undefined;
  if (!ends) await scheduleExpiry(ports, document, trace, { moved: true });
  for (const entry of step.entries) await announce(ports, { conversationId, entry, document }, trace);
  // Readers may have closed it while it was kept.
  if (file !== undefined) await settleFile(ports, conversationId, messageId, trace);
  return step.documentsChanged?.[0];
}

const fileOf = async (ports: Ports, document: MessageDocument): Promise<Versioned<StoredFile> | undefined> =>
  document.file === undefined ? undefined : ports.conversations.file(document.conversationId, document.messageId);

/** The agreement and the file's own row change together. */
const held = (
  file: Versioned<StoredFile> | undefined,
  isHeld: boolean,
  { expiresAt }: MessageDocument,
): Pick<LogStep, "filesChanged"> =>
  file === undefined ? {} : { filesChanged: [{ ...withHold(file, isHeld, expiresAt), etag: file.etag }] };

const isUnmoved = ({ retention }: MessageDocument): boolean =>
  retention?.state === "retained" && retention.movedSeq === undefined;

async function sendOn(
  ports: Ports,
  { conversationId: conversation, messageId: message, seq, retention }: MessageDocument,
  trace: Trace,
): Promise<void> {
  await ports.queues.sendRetained({ v: 1, conversation, message, seq, version: retention?.version ?? 1 }, trace);
}
