/** Who watches what happens to messages: counters and event streams. Called synchronously, before the next thing happens. */
import type { Message, MessageStatus, Outcome } from "./model.js";

export const MESSAGE_EVENTS = [
  "accepted",
  "scheduled",
  "activated",
  "delivered",
  "completed",
  "abandoned",
  "released",
  "deferred",
  "dead-lettered",
  "expired",
  "lock-lost",
  "canceled",
  "redriven",
  "purged",
  "forwarded",
] as const;

export type MessageEvent = (typeof MESSAGE_EVENTS)[number];

export type SessionEvent = "session-accepted" | "session-released" | "session-lost";

/** Watches one queue and its dead-letter queue. */
export interface QueueObserver {
  /** `message` still has its status from before; `next` is the one it gets, undefined when it is gone. */
  message(event: MessageEvent, message: Message, next: MessageStatus | undefined): void;
  /** SB-45. */
  duplicate(messageId: string): void;
  session(event: SessionEvent, sessionId: string): void;
}

export const NOBODY: QueueObserver = {
  message: () => undefined,
  duplicate: () => undefined,
  session: () => undefined,
};

/** What a receiver's word is called. */
export const SETTLED: Readonly<Record<Outcome["kind"], MessageEvent>> = {
  complete: "completed",
  release: "released",
  abandon: "abandoned",
  defer: "deferred",
  "dead-letter": "dead-lettered",
};

/** What has happened when a message goes from its status to the next: a failed delivery may end its life here as well. */
export function eventsOf(
  event: MessageEvent,
  message: Message,
  next: MessageStatus | undefined,
): readonly MessageEvent[] {
  if (event === "expired") return next === undefined ? [event] : [event, "dead-lettered"];
  const rests = event === "abandoned" || event === "released" || event === "lock-lost";
  if (!rests || message.status.deadLetter !== undefined) return [event];
  if (next === undefined) return [event, "expired"];
  if (next.deadLetter === undefined) return [event];
  const hasExpired = next.deadLetter.reason === "TTLExpiredException";
  return hasExpired ? [event, "expired", "dead-lettered"] : [event, "dead-lettered"];
}
