/** Publishing an event that stands in the log. The log is the truth; the event only spares the others a question. */
import { isReadable, type MessageDocument } from "../domain/message.js";
import { isRefused, isTransient } from "../errors.js";
import type { Entry, Ports, Trace } from "../ports.js";
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
      await publish(ports, announcement);
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
  return "later";
}

async function publish({ realtime, clock }: Ports, { conversationId, entry, document }: Announcement): Promise<void> {
  const base = { conversationId, seq: entry.seq, at: entry.at.toISOString() };
  switch (entry.type) {
    case "conversation.updated":
      return realtime.publish("conversation.updated", base);
    case "message.expired":
    case "message.deleted":
      return realtime.publish(entry.type, { ...base, messageId: entry.messageId ?? "" });
    case "retention.lapsed":
      return realtime.publish("retention.lapsed", { ...base, messageId: entry.messageId ?? "" });
    case "retention.released": {
      const now = clock.now();
      const message = document !== undefined && isReadable(document, 0, now) ? shapeMessage(document, now) : undefined;
      const event = { ...base, messageId: entry.messageId ?? "", ...(message === undefined ? {} : { message }) };
      return realtime.publish("retention.released", event);
    }
    case "message.created":
    case "retention.requested":
    case "retention.retained": {
      const now = clock.now();
      // What has expired meanwhile is not told any more: its expiry is.
      if (document === undefined || !isReadable(document, 0, now)) return;
      return realtime.publish(entry.type, {
        ...base,
        messageId: document.messageId,
        message: shapeMessage(document, now),
      });
    }
  }
}
