/** What has happened to one message so far, out of what is kept anyway: no step of it costs a write but a late event's. */
import type { OperatorMessageShape } from "../contracts/operations.js";
import type { LifeEvent, LifeEventShape } from "../contracts/shapes.js";
import { passedAt, type Member } from "../domain/conversation.js";
import type { MessageDocument, MessageIndex } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Entry, Ports } from "../ports.js";
import { shapeFailure } from "./shape-failure.js";

const PAGE = 1_000;
/** Entries that are looked through for those of the message. */
const MOST_ENTRIES = 5_000;

export interface Life {
  readonly events: readonly LifeEventShape[];
  readonly traceId?: string;
}

/** The life of a message whose id leads somewhere. */
export async function lifeOf(
  ports: Ports,
  conversationId: string,
  index: MessageIndex,
  members: readonly Member[],
): Promise<Life> {
  const { seq } = index;
  if (seq === undefined) return { events: endedUnseen(index), ...tracedLike(index) };
  const [document, entries] = await Promise.all([
    ports.conversations.document(conversationId, seq),
    entriesOf(ports, conversationId, seq, index.messageId),
  ]);
  const events = [
    ...(document === undefined ? [] : accepted(document.sentAt)),
    ...entries.flatMap((entry) => ofEntry(entry, index)),
    ...members.flatMap((member) => ofMember(member, seq, index.author)),
  ];
  return { events: inOrder(events), ...tracedLike(document ?? index) };
}

/**
 * The same for operators, with the failures that the message has had. By conversation, for ids lead nowhere without one.
 * @throws message-unknown-or-not-yet
 */
export async function getMessageLife(
  ports: Ports,
  conversationId: string,
  messageId: string,
): Promise<OperatorMessageShape> {
  const found = await ports.conversations.load(conversationId);
  const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
  const failures = await ports.failures.page({ messageId }, { limit: 20 });
  if (index === undefined && failures.length === 0) throw new DayflyError("message-unknown-or-not-yet");
  const life = index === undefined ? { events: [] } : await lifeOf(ports, conversationId, index, found?.members ?? []);
  return {
    id: messageId,
    conversationId,
    ...(index === undefined ? {} : { author: index.author, state: index.state }),
    ...life,
    failures: failures.map(shapeFailure),
  };
}

/** The queue is the commit: what is accepted is queued. */
const accepted = (at: Date): readonly LifeEventShape[] => [
  eventAt("message.accepted", at),
  eventAt("message.queued", at),
];

function endedUnseen({ state, at, failure }: MessageIndex): readonly LifeEventShape[] {
  switch (state) {
    case "failed":
      return [{ ...eventAt("message.failed", at), ...(failure === undefined ? {} : { code: failure }) }];
    case "canceled":
      return [eventAt("message.canceled", at)];
    default:
      return [eventAt("message.expired", at), eventAt("message.purged", at)];
  }
}

function ofEntry({ type, seq, at }: Entry, { published }: MessageIndex): readonly LifeEventShape[] {
  const event = { ...eventAt(type, at), seq };
  if (type === "message.expired") return [event, eventAt("message.purged", at)];
  if (type !== "message.created") return [event];
  if (published === "pending") return [event, eventAt("message.publishing-late", at)];
  return [event, eventAt("message.published", published ?? at)];
}

function ofMember(
  { user, joinedSeq, delivered, read }: Member,
  seq: number,
  author: string,
): readonly LifeEventShape[] {
  if (user === author || joinedSeq >= seq) return [];
  const acknowledgedAt = passedAt(delivered, seq);
  const readAt = passedAt(read, seq);
  return [
    ...(acknowledgedAt === undefined ? [] : [{ ...eventAt("message.acknowledged", acknowledgedAt), user }]),
    ...(readAt === undefined ? [] : [{ ...eventAt("message.read", readAt), user }]),
  ];
}

async function entriesOf(
  { conversations }: Ports,
  conversationId: string,
  seq: number,
  messageId: string,
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  for (let after = seq - 1; after < seq - 1 + MOST_ENTRIES;) {
    const page = await conversations.entries(conversationId, after, PAGE);
    found.push(...page.filter((entry) => entry.messageId === messageId));
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last.seq;
  }
  return found;
}

const eventAt = (event: LifeEvent, at: Date): LifeEventShape => ({ event, at: at.toISOString() });

/** Stable: what happened at once stays in the order in which it must have. */
const inOrder = (events: readonly LifeEventShape[]): readonly LifeEventShape[] =>
  [...events].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));

const tracedLike = ({ traceId }: Pick<MessageDocument, "traceId">): { readonly traceId?: string } =>
  traceId === undefined ? {} : { traceId };
