import { DeadlineEnvelope } from "../contracts/queue.js";
import { isOver, timeLeft, type MessageDocument } from "../domain/message.js";
import type { Entry, Expiry, LogStep, Ports, Trace } from "../ports.js";
import { failureId } from "../ids.js";
import { announce } from "./announce.js";
import { orPause, patiently } from "./patience.js";

/** Five rows a text and one head stay below the 100 operations that one transaction may have. */
const EXPIRED_AT_ONCE = 20;
const LONGEST_LAG_MS = 30_000;
const FAILURE_LIFETIME_MS = 31 * 24 * 3_600_000;

type Kind = DeadlineEnvelope["kind"];
export type Met =
  { readonly outcome: "met"; readonly kind: Kind; readonly count: number } | { readonly outcome: "failed" };

/**
 * Does what is due. A deadline is never cancelled and may come late or twice: the rows are read again, and what they say is
 * done. With nothing left to do it does nothing.
 */
export async function meetDeadline(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<Met> {
  const parsed = DeadlineEnvelope.safeParse(body);
  if (!parsed.success) {
    await patiently(ports.clock, () => failDeadline(ports, body, attempts, trace));
    return { outcome: "failed" };
  }
  const deadline = parsed.data;
  const count = await patiently(ports.clock, () => meet(ports, deadline, trace));
  return { outcome: "met", kind: deadline.kind, count };
}

async function meet(ports: Ports, deadline: DeadlineEnvelope, trace: Trace): Promise<number> {
  switch (deadline.kind) {
    case "expire":
      return expireTexts(ports, deadline.conversation, deadline.minute, trace);
    case "evict": {
      const { member } = await ports.conversations.look(deadline.conversation, { user: deadline.user, headless: true });
      if (member !== undefined) return 0;
      await ports.realtime.evict(deadline.conversation, deadline.user);
      return 1;
    }
    case "announce": {
      const { conversation: conversationId, seq, tries } = deadline;
      const [entry] = await ports.conversations.entries(conversationId, seq - 1, 1);
      if (entry?.seq !== seq) return 0;
      const document =
        entry.messageSeq === undefined
          ? undefined
          : await ports.conversations.document(conversationId, entry.messageSeq);
      await announce(ports, { conversationId, entry, document }, trace, tries);
      return 1;
    }
  }
}

/** Ends every text of the minute whose time is over: its content goes, its log entry comes, in one transaction. */
async function expireTexts(ports: Ports, conversationId: string, minute: string, trace: Trace): Promise<number> {
  let count = 0;
  for (;;) {
    const expiries = await ports.conversations.expiries(conversationId, minute, EXPIRED_AT_ONCE);
    if (expiries.length === 0) {
      await ports.dues.remove(minute, conversationId);
      return count;
    }
    const { head } = await ports.conversations.look(conversationId, {});
    if (head === undefined) return count;
    const documents = await Promise.all(expiries.map(({ seq }) => ports.conversations.document(conversationId, seq)));
    const now = ports.clock.now();
    const due = expiries.flatMap((expiry, index) => {
      const document = documents[index];
      return document === undefined || isOver(document, now) ? [{ expiry, document }] : [];
    });
    if (due.length === 0) {
      // The clock of this instance lags behind the broker's. By more than this it is no lag, and the read gate holds.
      const early = Math.min(...documents.map((document) => (document === undefined ? 0 : timeLeft(document, now))));
      if (early > LONGEST_LAG_MS) return count;
      await ports.clock.wait(early);
      continue;
    }
    const step = expiryStep(head, due, new Date(now));
    if (!(await ports.conversations.commit(step))) continue;
    count += step.entries.length;
    for (const entry of step.entries) await announce(ports, { conversationId, entry }, trace);
  }
}

function expiryStep(
  head: LogStep["head"],
  due: readonly { readonly expiry: Expiry; readonly document: MessageDocument | undefined }[],
  at: Date,
): LogStep {
  const ended = due.flatMap(({ document }) => (document?.state === "delivered" ? [document] : []));
  const entries = ended.map((document, index): Entry => {
    const { messageId, seq: messageSeq } = document;
    return { seq: head.headSeq + 1 + index, type: "message.expired", messageId, messageSeq, at };
  });
  return {
    head,
    next: { ...head, headSeq: head.headSeq + entries.length },
    entries,
    documents: ended.map(({ text: _text, replyTo: _replyTo, ...document }) => ({ ...document, state: "expired" })),
    indexes: ended.map(({ messageId, author, seq, expiresAt }) => ({
      messageId,
      author,
      state: "expired",
      seq,
      at,
      expiresAt,
    })),
    expiriesMet: due.map(({ expiry }) => expiry),
  };
}

/** Empties the dead-letter queue: waits before it throws, because delivery counts do not rise there. */
export async function failDeadDeadline(
  ports: Ports,
  body: unknown,
  attempts: number,
  trace: Trace,
): Promise<{ readonly outcome: "failed" }> {
  await orPause(ports.clock, () => failDeadline(ports, body, attempts, trace));
  return { outcome: "failed" };
}

/** A deadline that could not be met, or is none: parked for an operator. It stays until it is redriven or discarded. */
async function failDeadline(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<void> {
  const parsed = DeadlineEnvelope.safeParse(body);
  await ports.queues.sendFailure(
    {
      v: 1,
      id: failureId(["deadlines", body]),
      queue: "deadlines",
      reason: parsed.success ? "attempts-exhausted" : "contract-violation",
      detail: parsed.success
        ? `The deadline '${parsed.data.kind}' could not be met.`
        : "The message is not a deadline.",
      at: new Date(ports.clock.now()).toISOString(),
      attempts,
      ...(parsed.success ? { conversation: parsed.data.conversation } : {}),
      original: body,
    },
    FAILURE_LIFETIME_MS,
    trace,
  );
}
