import { TextEnvelope, TextOrigin } from "../contracts/queue.js";
import { minuteOf } from "../domain/deadline.js";
import { decideArrival, type MessageDocument, type MessageIndex, type Text } from "../domain/message.js";
import { isRefused, type ErrorCode } from "../errors.js";
import type { LogStep, Ports, Trace, Versioned } from "../ports.js";
import type { Head } from "../domain/conversation.js";
import { announce } from "./announce.js";
import { isErased } from "./erase-account.js";
import { failText, expireUndelivered } from "./end-text.js";
import { tracedBy } from "./trace-id.js";
import { patiently } from "./patience.js";
import { refuseScheduled } from "./refuse-scheduled.js";
import { freeSlot } from "./scheduled-quota.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { tellLater } from "./tell-waiting.js";

export type Delivery =
  | {
      readonly outcome: "delivered" | "repeated";
      readonly seq: number;
      readonly event: "published" | "later" | "never";
    }
  /** `stale`: of a scheduled text that has been changed or canceled since. */
  | { readonly outcome: "expired" | "ended" | "stale" }
  | { readonly outcome: "failed"; readonly code: ErrorCode };

/**
 * Delivers one text from the queue `text-messages`. Safe to run twice, late, and after a crash anywhere: what is written is
 * found again, and what follows the write (deadline, event) is repeated, for nobody knows whether it happened.
 *
 * Returns, which completes the message, for everything that is final: delivered, expired, failed for good (parked in
 * `failed-messages`). Throws, which abandons it, only when trouble outlasts its patience.
 * @param body the message's body as the host hands it over
 */
export async function deliverText(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<Delivery> {
  const parsed = TextEnvelope.safeParse(body);
  if (!parsed.success) {
    const detail = parsed.error.issues.map((issue) => `/${issue.path.join("/")}: ${issue.message}`).join("; ");
    await patiently(ports.clock, () =>
      failText(
        ports,
        { body, origin: TextOrigin.safeParse(body).data, code: "contract-violation", detail, attempts },
        trace,
      ),
    );
    return { outcome: "failed", code: "contract-violation" };
  }
  const envelope = parsed.data;
  try {
    return await patiently(ports.clock, async () =>
      (await isErased(ports, envelope.author, new Date(envelope.sentAt)))
        ? { outcome: "ended" as const }
        : deliver(ports, envelope, attempts, trace),
    );
  } catch (error) {
    if (!isRefused(error)) throw error;
    const code = "dependency-refused";
    const failed = { body: envelope, origin: envelope, code, detail: (error as Error).message, attempts } as const;
    await patiently(ports.clock, () => failText(ports, failed, trace));
    return { outcome: "failed", code };
  }
}

async function deliver(ports: Ports, envelope: TextEnvelope, attempts: number, trace: Trace): Promise<Delivery> {
  const text: Text = {
    conversationId: envelope.conversation,
    messageId: envelope.id,
    author: envelope.author,
    text: envelope.text,
    replyTo: envelope.quote,
  };
  const times = { sentAt: new Date(envelope.sentAt), expiresAt: new Date(envelope.endsAt) };
  const fail = async (code: ErrorCode, detail: string): Promise<Delivery> => {
    // Delivered before, and since then nobody's: its author has been erased.
    const mayBeErased = code === "message-id-taken";
    if (mayBeErased && (await isErased(ports, text.author, times.sentAt, { isLate: true })))
      return { outcome: "ended" };
    await failText(ports, { body: envelope, origin: envelope, code, detail, attempts }, trace);
    return { outcome: "failed", code };
  };

  const isScheduled = envelope.schedule !== undefined;
  // Almost always the id is new: try to write it without asking first, and ask when that turns out wrong.
  for (let asked = isScheduled || envelope.redriven === true; ; asked = true) {
    const { head, index, member } = await ports.conversations.look(text.conversationId, {
      ...(asked ? { messageId: text.messageId } : {}),
      ...(isScheduled ? { user: text.author } : {}),
    });
    if (head === undefined) return fail("conversation-unknown", "The conversation does not exist.");
    if (isScheduled) {
      const known = { head, index, isMember: member !== undefined };
      const refused = await refuseScheduled(ports, { ...text, ...times, schedule: envelope.schedule }, known);
      if (refused === "again") continue;
      if (refused !== undefined) return refused;
    }
    const document =
      index?.seq === undefined ? undefined : await ports.conversations.document(text.conversationId, index.seq);
    const now = ports.clock.now();
    const isRedriven = envelope.redriven === true;
    const arrival = decideArrival({ ...text, expiresAt: times.expiresAt, isRedriven }, { index, document }, now);
    switch (arrival.kind) {
      case "failed":
        return fail(arrival.code, "Another message of the conversation has the id.");
      case "ended":
        return { outcome: "ended" };
      case "expired":
        await expireUndelivered(ports, envelope, trace);
        return { outcome: "expired" };
      case "repeat":
        await addDue(ports, arrival.document);
        return { outcome: "repeated", seq: arrival.document.seq, event: await follow(ports, arrival.document, trace) };
      case "record": {
        const { indexes, ...rest } = recordStep(
          head,
          text,
          { ...times, trace, proof: ports.evidence.proofOf({ ...text, content: text.text }) },
          now,
        );
        const record = index === undefined ? { ...rest, indexes } : { ...rest, indexesChanged: indexes };
        const step = isScheduled ? { ...record, scheduledRemoved: [text] } : record;
        await addDue(ports, { ...text, expiresAt: times.expiresAt });
        if (!(await ports.conversations.commit(step))) continue;
        if (isScheduled) await freeSlot(ports, text);
        const [written] = step.documents;
        ports.metrics.count("dayfly_texts_delivered_total");
        return { outcome: "delivered", seq: written.seq, event: await follow(ports, written, trace) };
      }
    }
  }
}

/** What the write of a new message is: document, index, log entry, what its deadline must find, and the head, at once. */
function recordStep(
  head: Versioned<Head>,
  text: Text,
  {
    trace,
    proof,
    ...times
  }: { readonly sentAt: Date; readonly expiresAt: Date; readonly trace: Trace; readonly proof: string | undefined },
  now: number,
): LogStep & { readonly documents: readonly [MessageDocument]; readonly indexes: readonly MessageIndex[] } {
  const seq = head.headSeq + 1;
  const at = new Date(now);
  const { messageId, author } = text;
  return {
    head,
    next: { ...head, headSeq: seq, lastMessageSeq: seq, lastMessageAt: at },
    entries: [{ seq, type: "message.created", messageId, messageSeq: seq, at }],
    documents: [
      {
        conversationId: text.conversationId,
        messageId,
        seq,
        author,
        text: text.text,
        ...(text.replyTo === undefined ? {} : { replyTo: text.replyTo }),
        ...times,
        state: "delivered",
        ...tracedBy(trace),
        ...(proof === undefined ? {} : { proof }),
      },
    ],
    indexes: [{ messageId, author, state: "delivered", seq, at, expiresAt: times.expiresAt }],
    expiriesAdded: [{ minute: minuteOf(times.expiresAt), messageId, seq }],
  };
}

/** What comes after the write: the deadline that ends the text, and the event that shows it. */
async function follow(ports: Ports, document: MessageDocument, trace: Trace): Promise<"published" | "later" | "never"> {
  const { conversationId, messageId, seq } = document;
  const [, event] = await Promise.all([
    scheduleExpiry(ports, document, trace),
    announce(
      ports,
      { conversationId, entry: { seq, type: "message.created", messageId, at: document.sentAt }, document },
      trace,
    ),
    tellLater(ports, document, trace),
  ]);
  return event;
}
