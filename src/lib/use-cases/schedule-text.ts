/**
 * Texts that are sent later. A row says what is to be sent and when; the broker holds a message for it. The row decides: what
 * comes from the broker and does not match its row is dropped, so a change or a cancel works up to the last millisecond.
 *
 * Everything that changes a row goes through the conversation's head, as the delivery that removes it does: one of them wins.
 */
import type { ChangeScheduled, Page, SendMessage } from "../contracts/http.js";
import type { TextEnvelope } from "../contracts/queue.js";
import type { MessageShape, PageShape } from "../contracts/shapes.js";
import { minuteOf } from "../domain/deadline.js";
import { scheduleProblem, type ScheduledText } from "../domain/schedule.js";
import { DayflyError, isTransient } from "../errors.js";
import { uuidv7 } from "../ids.js";
import type { LogStep, Ports, Trace } from "../ports.js";
import { cursorOf, isId, placeIn } from "./cursor.js";
import { requireMember } from "./membership.js";
import { noteEnd } from "./note-end.js";
import { freeSlot, takeSlot } from "./scheduled-quota.js";
import { shapeMessage } from "./shaping.js";
import { tellAuthor } from "./tell-author.js";

const DEFAULT_LIMIT = 50;
/** A text whose time is over for this long, and that is still waiting, was never given to the broker, or was lost there. */
const OVERDUE_MS = 30_000;
const RESCUED_AT_ONCE = 100;

/**
 * Accepts a text that is to be sent at `sendAt`. The same id again with the same content and time answers the same.
 * @throws conversation-unknown, input-invalid for a time out of bounds, message-id-taken, message-already-sent, schedule-full
 */
export async function scheduleText(
  ports: Ports,
  author: string,
  conversationId: string,
  input: SendMessage & { readonly sendAt: Date },
  trace: Trace,
): Promise<MessageShape> {
  const messageId = input.id ?? uuidv7();
  for (;;) {
    const { head } = await requireMember(ports, conversationId, author);
    const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
    const now = ports.clock.now();
    const present = await ports.conversations.scheduledText(conversationId, author, messageId);
    if (present !== undefined) {
      if (!isSame(present, input)) throw idTaken();
      return shapeScheduled(ports, await hold(ports, present, trace));
    }
    if (index !== undefined) throw index.author === author ? new DayflyError("message-already-sent") : idTaken();
    requireTime(input.sendAt, now);
    await takeSlot(ports, author, { conversationId, messageId });
    const scheduled: ScheduledText = {
      ...{ conversationId, messageId, author, text: input.text },
      ...(input.replyTo === undefined ? {} : { replyTo: input.replyTo }),
      ...{ sendAt: input.sendAt, createdAt: new Date(now), version: 1 },
    };
    if (await write(ports, head, scheduled)) return tell(ports, await hold(ports, scheduled, trace));
  }
}

/** The caller's own waiting texts. @throws conversation-unknown, cursor-invalid */
export async function listScheduled(
  ports: Ports,
  caller: string,
  conversationId: string,
  { limit = DEFAULT_LIMIT, cursor }: Page,
): Promise<PageShape<MessageShape>> {
  await requireMember(ports, conversationId, caller);
  const after = cursor === undefined ? {} : { after: placeIn(cursor, isId) };
  const found = await ports.conversations.scheduledTexts(conversationId, { author: caller, limit, ...after });
  const last = found.at(-1);
  return {
    items: found.map((scheduled) => shapeScheduled(ports, scheduled)),
    ...(found.length === limit && last !== undefined ? { nextCursor: cursorOf(last.messageId) } : {}),
  };
}

/**
 * Changes what a waiting text says, or when it is sent.
 * @throws conversation-unknown, message-unknown-or-not-yet, message-already-sent, input-invalid
 */
export async function changeScheduled(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  { text, sendAt }: ChangeScheduled,
  trace: Trace,
): Promise<MessageShape> {
  for (;;) {
    const { head, scheduled } = await waiting(ports, caller, conversationId, messageId);
    const now = ports.clock.now();
    if (sendAt !== undefined) requireTime(sendAt, now);
    const changed = next(scheduled, { text: text ?? scheduled.text, sendAt: sendAt ?? scheduled.sendAt });
    if (!(await write(ports, head, changed))) continue;
    await release(ports, scheduled);
    return tell(ports, await hold(ports, changed, trace));
  }
}

/** Sends a waiting text now. @throws conversation-unknown, message-unknown-or-not-yet, message-already-sent */
export async function sendScheduledNow(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  trace: Trace,
): Promise<MessageShape> {
  for (;;) {
    const { head, scheduled } = await waiting(ports, caller, conversationId, messageId);
    const now = ports.clock.now();
    const changed = next(scheduled, { text: scheduled.text, sendAt: new Date(now) });
    if (!(await write(ports, head, changed))) continue;
    await release(ports, scheduled);
    await ports.queues.sendText(envelopeOf(ports, changed), trace);
    return { ...shapeScheduled(ports, changed), state: "accepted" };
  }
}

/**
 * Cancels a waiting text; again changes nothing.
 * @throws conversation-unknown, message-unknown-or-not-yet, message-already-sent
 */
export async function cancelScheduled(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
): Promise<void> {
  for (;;) {
    const { head } = await requireMember(ports, conversationId, caller);
    const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
    if (index?.author === caller && index.state === "canceled") {
      return freeSlot(ports, { conversationId, messageId, author: caller });
    }
    const { scheduled } = await waiting(ports, caller, conversationId, messageId);
    const at = new Date(ports.clock.now());
    const expiresAt = endOf(ports, scheduled);
    await noteEnd(ports, conversationId, at);
    const canceled = await ports.conversations.commit({
      ...unchanged(head),
      scheduledRemoved: [scheduled],
      indexes: [{ messageId, author: caller, state: "canceled", at, expiresAt }],
    });
    if (!canceled) continue;
    await release(ports, scheduled);
    await freeSlot(ports, scheduled);
    return tellAuthor(ports, caller, "scheduled.canceled", { conversationId, messageId, at: at.toISOString() });
  }
}

/** Cancels a waiting text whose author is being erased; nobody is told, and its id says nothing of the author. */
export async function abandonScheduled(ports: Ports, scheduled: ScheduledText, alias: string): Promise<void> {
  const { conversationId, author, messageId } = scheduled;
  for (;;) {
    const { head, index } = await ports.conversations.look(conversationId, { messageId });
    const present = await ports.conversations.scheduledText(conversationId, author, messageId);
    if (head === undefined || present === undefined) break;
    // Here first: what the broker holds has the text in it, and once the row is gone nothing leads there.
    if (present.sequenceNumber !== undefined) await ports.queues.cancelText(present.sequenceNumber);
    const at = new Date(ports.clock.now());
    const expiresAt = endOf(ports, present);
    await noteEnd(ports, conversationId, at);
    const canceled = await ports.conversations.commit({
      ...unchanged(head),
      scheduledRemoved: [present],
      ...(index === undefined ? { indexes: [{ messageId, author: alias, state: "canceled", at, expiresAt }] } : {}),
    });
    if (canceled) break;
  }
  await freeSlot(ports, scheduled);
}

/** Sends what should have been sent and is still waiting: its message was lost, or never given to the broker. */
export async function rescueScheduled(ports: Ports, conversationId: string, trace: Trace): Promise<number> {
  const waiting = await ports.conversations.scheduledTexts(conversationId, { limit: RESCUED_AT_ONCE });
  const overdue = waiting.filter(({ sendAt }) => sendAt.getTime() + OVERDUE_MS <= ports.clock.now());
  for (const scheduled of overdue) await ports.queues.sendText(envelopeOf(ports, scheduled), trace);
  return overdue.length;
}

/** How a waiting text looks to its author. */
export function shapeScheduled(ports: Ports, scheduled: ScheduledText): MessageShape {
  const { sendAt } = scheduled;
  const message = { ...scheduled, sentAt: sendAt, expiresAt: endOf(ports, scheduled), state: "scheduled" as const };
  return { ...shapeMessage(message, ports.clock.now()), sendAt: sendAt.toISOString() };
}

/** The author's other devices hear what waits now. */
async function tell(ports: Ports, scheduled: ScheduledText): Promise<MessageShape> {
  const { author, conversationId, messageId } = scheduled;
  const now = ports.clock.now();
  const message = shapeScheduled(ports, scheduled);
  const event = { conversationId, messageId, at: new Date(now).toISOString(), message };
  await tellAuthor(ports, author, "scheduled.updated", event);
  return message;
}

async function waiting(ports: Ports, caller: string, conversationId: string, messageId: string) {
  const { head } = await requireMember(ports, conversationId, caller);
  const scheduled = await ports.conversations.scheduledText(conversationId, caller, messageId);
  if (scheduled !== undefined) return { head, scheduled };
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  throw new DayflyError(index?.author === caller ? "message-already-sent" : "message-unknown-or-not-yet");
}

/** The next version, which the broker does not hold yet. */
const next = (
  { conversationId, messageId, author, replyTo, createdAt, version }: ScheduledText,
  change: Pick<ScheduledText, "text" | "sendAt">,
): ScheduledText => ({ conversationId, messageId, author, replyTo, createdAt, version: version + 1, ...change });

const unchanged = (head: LogStep["head"]): Pick<LogStep, "head" | "next" | "entries"> => ({
  head,
  next: head,
  entries: [],
});

async function write(ports: Ports, head: LogStep["head"], scheduled: ScheduledText): Promise<boolean> {
  // First, so that the sweeper finds a text whose message the broker never got.
  await ports.dues.add(minuteOf(scheduled.sendAt), scheduled.conversationId);
  return ports.conversations.commit({ ...unchanged(head), scheduledPut: [scheduled] });
}

/** Gives the text to the broker, unless it is known to have it, and remembers the number under which it is held. */
async function hold(ports: Ports, scheduled: ScheduledText, trace: Trace): Promise<ScheduledText> {
  if (scheduled.sequenceNumber !== undefined) return scheduled;
  const sequenceNumber = await ports.queues.scheduleText(envelopeOf(ports, scheduled), scheduled.sendAt, trace);
  const held: ScheduledText = { ...scheduled, sequenceNumber };
  for (;;) {
    const { head } = await ports.conversations.look(scheduled.conversationId, {});
    const { conversationId, author, messageId } = scheduled;
    const present = await ports.conversations.scheduledText(conversationId, author, messageId);
    // Changed, sent or canceled meanwhile: then the message in the broker is a stale one, and will be dropped.
    if (head === undefined || present?.version !== scheduled.version) return held;
    if (await ports.conversations.commit({ ...unchanged(head), scheduledPut: [held] })) return held;
  }
}

/** Takes the held message back. That is a courtesy to the broker: what comes all the same matches no row. */
async function release(ports: Ports, { sequenceNumber }: ScheduledText): Promise<void> {
  if (sequenceNumber === undefined) return;
  try {
    await ports.queues.cancelText(sequenceNumber);
  } catch (error) {
    if (!isTransient(error)) throw error;
  }
}

const endOf = ({ policy }: Ports, { sendAt }: ScheduledText): Date =>
  new Date(sendAt.getTime() + policy.textLifetimeMs);

function envelopeOf(ports: Ports, scheduled: ScheduledText): TextEnvelope {
  const { messageId, conversationId, author, text, replyTo, sendAt, version } = scheduled;
  return {
    v: 1,
    id: messageId,
    conversation: conversationId,
    author,
    text,
    ...(replyTo === undefined ? {} : { quote: replyTo }),
    sentAt: sendAt.toISOString(),
    endsAt: endOf(ports, scheduled).toISOString(),
    attempt: 1,
    schedule: version,
  };
}

const isSame = (scheduled: ScheduledText, input: SendMessage): boolean =>
  scheduled.text === input.text &&
  scheduled.replyTo === input.replyTo &&
  scheduled.sendAt.getTime() === input.sendAt?.getTime();

function requireTime(sendAt: Date, now: number): void {
  const detail = scheduleProblem(sendAt, now);
  if (detail !== undefined) throw new DayflyError("input-invalid", { errors: [{ pointer: "/sendAt", detail }] });
}

const idTaken = (): DayflyError =>
  new DayflyError("message-id-taken", { errors: [{ pointer: "/id", detail: "is taken by another message" }] });
