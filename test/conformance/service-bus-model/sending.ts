/** What is sent: messages with everything that the model wants to know of them later. */
import fc from "fast-check";
import type { ServiceBusMessage } from "@azure/service-bus";
import type { Entry, Model, QueueName } from "./model.js";

const HOUR = 3_600_000;
/** Sessions are few, so that much happens in each. */
export const SESSIONS = ["a", "b", "c"] as const;
const ONCE_IDS = 8;
const LARGE_BODY = 40_000;

export interface Draft {
  readonly queue: QueueName;
  readonly session: (typeof SESSIONS)[number];
  /** Hours, and a half; Infinity without an end. */
  readonly ttl: number;
  /** Which of the few ids, where duplicates are detected. */
  readonly id: number;
  readonly isLarge: boolean;
}

export const drafts: fc.Arbitrary<Draft> = fc.record({
  queue: fc.constantFrom<QueueName>("plain", "plain", "sessions", "once"),
  session: fc.constantFrom(...SESSIONS),
  ttl: fc.constantFrom(Infinity, Infinity, 1.5, 2.5),
  id: fc.nat(ONCE_IDS - 1),
  isLarge: fc.boolean(),
});

/** @param hours until its time, for a scheduled one */
export function entryOf(model: Model, draft: Draft, now: number, hours?: number): Entry {
  const { queue, session, ttl, isLarge } = draft;
  const next = model.nextId();
  const id = queue === "once" ? `${model.name}-once-${draft.id}` : next;
  // No two at the same time: then their order is known.
  const scheduledFor = hours === undefined ? undefined : now + hours * HOUR + Number(next.split("-").at(-1)) * 100;
  return {
    id,
    queue,
    session: queue === "sessions" ? session : undefined,
    ttl: ttl * HOUR,
    scheduledFor,
    body: `${id} ${"x".repeat(isLarge ? LARGE_BODY : 0)}`,
    status: {
      state: scheduledFor === undefined ? "active" : "scheduled",
      reason: undefined,
      count: 0,
      number: undefined,
      expiresAt: now + ttl * HOUR,
    },
    locked: false,
    doubts: [],
  };
}

export function messageOf({ id, session, ttl, body }: Entry): ServiceBusMessage {
  return {
    messageId: id,
    body,
    ...(session === undefined ? {} : { sessionId: session }),
    ...(ttl === Infinity ? {} : { timeToLive: ttl }),
  };
}
