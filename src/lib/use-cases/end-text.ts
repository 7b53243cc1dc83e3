/** How a text ends that nobody ever saw: its sender is told, its id leads to what became of it. */
import type { TextEnvelope, TextOrigin } from "../contracts/queue.js";
import { COMMAND_LIFETIME_MS } from "../domain/failure.js";
import { MAX_TEXT_LIFETIME_MS, timeLeft } from "../domain/message.js";
import { omit } from "../domain/omit.js";
import type { ErrorCode } from "../errors.js";
import { failureId } from "../ids.js";
import { dropScheduled } from "./drop-scheduled.js";
import type { Ports, Trace } from "../ports.js";
import { tracedBy } from "./trace-id.js";
import { noteEnd } from "./note-end.js";
import { addDue, scheduleExpiry, type Ending } from "./schedule-expiry.js";
import { tellAuthor } from "./tell-author.js";

const SHORTEST_KEPT_MS = 5 * 60_000;

export interface FailedText {
  readonly body: unknown;
  /** Undefined when not even that can be read from the body. */
  readonly origin: TextOrigin | undefined;
  readonly code: ErrorCode;
  readonly detail: string;
  readonly attempts: number;
}

/** Parks the text with its reason, then tells its sender. In this order: a text that is told as failed must not be lost. */
export async function failText(ports: Ports, failed: FailedText, trace: Trace): Promise<void> {
  const { origin, code, detail, attempts } = failed;
  const now = ports.clock.now();
  const at = new Date(now);
  const ownEnd = origin?.endsAt === undefined ? new Date(now + MAX_TEXT_LIFETIME_MS) : new Date(origin.endsAt);
  const left = timeLeft({ expiresAt: ownEnd }, now);
  // With hardly any time left nobody will redrive it: what it said goes now, and that it failed stays to be seen.
  const isKept = left >= SHORTEST_KEPT_MS;
  const expiresAt = isKept ? ownEnd : at;
  await ports.queues.sendFailure(
    {
      v: 1,
      id: textFailureId(origin, failed.body),
      queue: "text-messages",
      reason: code,
      detail,
      at: at.toISOString(),
      attempts,
      endsAt: expiresAt.toISOString(),
      ...(origin === undefined ? {} : { conversation: origin.conversation, message: origin.id, author: origin.author }),
      original: isKept ? failed.body : null,
    },
    isKept ? left : COMMAND_LIFETIME_MS,
    trace,
  );
  if (origin === undefined) return;
  const { conversation, id: messageId, author } = origin;
  if (code !== "conversation-unknown" && code !== "message-id-taken") {
    await noteEnd(ports, conversation, at);
    await ports.conversations.addIndex(conversation, {
      messageId,
      author,
      state: "failed",
      at,
      expiresAt: ownEnd,
      failure: code,
      ...tracedBy(trace),
    });
  }
  if (origin.schedule !== undefined) {
    await dropScheduled(ports, { conversationId: conversation, author, messageId }, origin.schedule);
  }
  await tellAuthor(ports, author, "message.failed", {
    conversationId: conversation,
    messageId,
    at: at.toISOString(),
    code,
  });
}

/** The same whenever the text fails, whatever for. Not of what it says: a hash of few words tells the words. */
const textFailureId = (origin: TextOrigin | undefined, body: unknown): string =>
  origin === undefined
    ? failureId(["text-messages", withoutCounts(body)])
    : failureId(["text-messages", origin.conversation, origin.id, origin.author, origin.sentAt ?? null]);

/** A redrive changes these alone. */
function withoutCounts(body: unknown): unknown {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
  return omit(body as Record<string, unknown>, "attempt", "redriven");
}

/** Its time was over before anybody could see it. */
export async function expireUndelivered(ports: Ports, envelope: TextEnvelope, trace: Trace): Promise<void> {
  const { conversation, id: messageId, author } = envelope;
  const at = new Date(ports.clock.now());
  const expiresAt = new Date(envelope.endsAt);
  await noteEnd(ports, conversation, at);
  if (!(await ports.conversations.addIndex(conversation, { messageId, author, state: "expired", at, expiresAt }))) {
    const { index } = await ports.conversations.look(conversation, { messageId, headless: true });
    if (index?.seq !== undefined && index.author === author) {
      // Written after all, right before its end, by a process that died before it could set the deadline.
      if (index.state === "delivered") await endAnew(ports, { ...index, conversationId: conversation }, trace);
      return;
    }
  }
  if (envelope.schedule !== undefined) {
    await dropScheduled(ports, { conversationId: conversation, author, messageId }, envelope.schedule);
  }
  await tellAuthor(ports, author, "message.expired", {
    conversationId: conversation,
    messageId,
    at: at.toISOString(),
    undelivered: true,
  });
}

async function endAnew(ports: Ports, ending: Ending, trace: Trace): Promise<void> {
  await addDue(ports, ending, { moved: true });
  await scheduleExpiry(ports, ending, trace, { moved: true });
}
