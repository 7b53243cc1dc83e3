/** Publishing an event that stands in the log. The log is the truth; the event only spares the others a question. */
import { isReadable, type MessageDocument } from "../domain/message.js";
import { isRefused, isTransient } from "../errors.js";
import type { Entry, Ports, Realtime, Trace } from "../ports.js";
import { shapeMessage } from "./shaping.js";

const TRIES = 3;
const BETWEEN_TRIES_MS = 200;
const FIRST_DELAY_MS = 10_000;
const LONGEST_DELAY_MS = 5 * 60_000;
/** After a day of trying, every client has long fetched it. */
const MOST_ANNOUNCEMENTS = 300;

export interface Announcement {
  readonly conversationId: string;
  readonly entry: Entry;
  readonly document?: MessageDocument | undefined;
}

/**
 * Publishes; after three failures a deadline does it later, and the call returns: a text is not to wait for its event.
 * `tries` counts the deadlines so far.
 */
export async function announce(
  ports: Ports,
  announcement: Announcement,
  trace: Trace,
  tries = 0,
): Promise<"published" | "later" | "never"> {
  for (let left = TRIES; left > 0; left--) {
    try {
      await publish({ ...ports, realtime: withTrace(ports.realtime, trace) }, announcement);
      measure(ports, announcement, tries);
      if (tries > 0) await note(ports, announcement, new Date(ports.clock.now()));
      return "published";
    } catch (error) {
      // What is not taken now never will be; it stands in the log all the same.
      if (isRefused(error)) return "never";
      if (!isTransient(error)) throw error;
      if (left > 1) await ports.clock.wait(BETWEEN_TRIES_MS * (TRIES - left + 1));
    }
  }
  if (tries >= MOST_ANNOUNCEMENTS) return "never";
  const { conversationId, entry } = announcement;
  const delay = Math.min(FIRST_DELAY_MS * 2 ** Math.min(tries, 10), LONGEST_DELAY_MS);
  await ports.queues.scheduleDeadline(
    { v: 1, kind: "announce", conversation: conversationId, seq: entry.seq, tries: tries + 1 },
    new Date(ports.clock.now() + delay),
    `announce:${conversationId}:${String(entry.seq)}:${String(tries + 1)}`,
    trace,
  );
  if (tries === 0) {
    ports.metrics.count("dayfly_publish_late_total");
    await note(ports, announcement, "pending");
  }
  return "later";
}

const withTrace = (realtime: Realtime, trace: Trace): Realtime => ({
  ...realtime,
  publish: (name, event, options) => realtime.publish(name, event, { ...options, trace }),
});

function measure({ metrics, clock }: Ports, { entry, document }: Announcement, tries: number): void {
  if (entry.type !== "message.created" || document === undefined || tries > 0) return;
  metrics.observe("dayfly_publish_latency_ms", Math.max(0, clock.now() - document.sentAt.getTime()));
}

/** For those who ask how far a message has come: on time is the rule, and costs no write. */
async function note(
  { conversations }: Ports,
  { conversationId, entry }: Announcement,
  at: Date | "pending",
): Promise<void> {
  if (entry.type !== "message.created" || entry.messageId === undefined) return;
  await conversations.notePublished(conversationId, entry.messageId, at);
}

async function publish({ realtime, clock }: Ports, { conversationId, entry, document }: Announcement): Promise<void> {
  const base = { conversationId, seq: entry.seq, at: entry.at.toISOString() };
  switch (entry.type) {
    case "conversation.updated":
      return realtime.publish("conversation.updated", base);
    case "message.expired":
    case "message.deleted":
      return realtime.publish(entry.type, { ...base, messageId: entry.messageId ?? "" });
    case "file.opened":
    case "file.closed":
    case "file.deleted":
      return publishOfFile(realtime, entry.type, base, entry);
    case "retention.lapsed":
      return realtime.publish("retention.lapsed", { ...base, messageId: entry.messageId ?? "" });
    case "retention.released": {
      const now = clock.now();
      const message = document !== undefined && isReadable(document, 0, now) ? shapeMessage(document, now) : undefined;
      const event = { ...base, messageId: entry.messageId ?? "", ...(message === undefined ? {} : { message }) };
      return realtime.publish("retention.released", event);
    }
    case "message.created":
    case "message.updated":
    case "retention.requested":
    case "retention.retained":
      return publishWithMessage(realtime, entry.type, base, document, clock.now());
  }
}

interface Base {
  readonly conversationId: string;
  readonly seq: number;
  readonly at: string;
}

async function publishWithMessage(
  realtime: Ports["realtime"],
  type: "message.created" | "message.updated" | "retention.requested" | "retention.retained",
  base: Base,
  document: MessageDocument | undefined,
  now: number,
): Promise<void> {
  // What has expired meanwhile is not told any more: its expiry is.
  if (document === undefined || !isReadable(document, 0, now)) return;
  await realtime.publish(type, { ...base, messageId: document.messageId, message: shapeMessage(document, now) });
}

function publishOfFile(
  realtime: Ports["realtime"],
  type: "file.opened" | "file.closed" | "file.deleted",
  base: Base,
  { messageId = "", user = "", reason = "" }: Entry,
): Promise<void> {
  switch (type) {
    case "file.opened":
      return realtime.publish(type, { ...base, messageId, user });
    case "file.closed":
      return realtime.publish(type, { ...base, messageId, user, reason });
    case "file.deleted":
      return realtime.publish(type, { ...base, messageId, reason });
  }
}
