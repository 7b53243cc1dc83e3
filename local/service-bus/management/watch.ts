/** Counts what happens to messages, and tells the feed of it. */
import type { Clock } from "../../clock/clock.js";
import type { Message, MessageStatus } from "../broker/model.js";
import { traceParentIn } from "../amqp/codec/trace-parent.js";
import { MESSAGE_EVENTS, type MessageEvent, type QueueObserver } from "../broker/observer.js";
import type { EventFeed } from "./event-feed.js";

export type Counters = Record<MessageEvent | "duplicate-dropped", number>;

export class Watch {
  readonly #clock: Clock;
  readonly #feed: EventFeed;
  readonly #counters = new Map<string, Counters>();

  constructor(clock: Clock, feed: EventFeed) {
    this.#clock = clock;
    this.#feed = feed;
  }

  /** What has happened since the start, by the queue's name in lower case. */
  countersOf(queue: string): Counters {
    let counters = this.#counters.get(queue.toLowerCase());
    if (counters === undefined) this.#counters.set(queue.toLowerCase(), (counters = newCounters()));
    return counters;
  }

  forget(queue: string): void {
    this.#counters.delete(queue.toLowerCase());
  }

  observe(queue: string): QueueObserver {
    const counters = this.countersOf(queue);
    const feed = this.#feed;
    const at = (): string => new Date(this.#clock.now()).toISOString();
    return {
      message(kind, message, next) {
        counters[kind]++;
        if (feed.recording) feed.record({ kind, queue, data: { at: at(), queue, ...factsOf(kind, message, next) } });
      },
      duplicate(messageId) {
        counters["duplicate-dropped"]++;
        if (feed.recording) {
          feed.record({ kind: "duplicate-dropped", queue, data: { at: at(), queue, messageId } });
        }
      },
      session(kind, sessionId) {
        if (feed.recording) feed.record({ kind, queue, data: { at: at(), queue, sessionId } });
      },
    };
  }
}

function newCounters(): Counters {
  return Object.fromEntries([...MESSAGE_EVENTS, "duplicate-dropped"].map((event) => [event, 0])) as Counters;
}

function factsOf(event: MessageEvent, message: Message, next: MessageStatus | undefined): object {
  const { status, messageId, sessionId } = message;
  const now = next ?? status;
  return {
    messageId,
    sessionId,
    sequenceNumber: now.sequenceNumber,
    // SB-42: it is known by another number from now on.
    formerSequenceNumber: now.sequenceNumber === status.sequenceNumber ? undefined : status.sequenceNumber,
    deliveryCount: now.deliveryCount,
    deadLetter: status.deadLetter === undefined ? undefined : true,
    reason: event === "dead-lettered" ? next?.deadLetter?.reason : undefined,
    ...(event === "accepted" || event === "scheduled" ? originOf(message) : {}),
    scheduledFor:
      event === "scheduled" && now.scheduledFor !== undefined ? new Date(now.scheduledFor).toISOString() : undefined,
  };
}

/** What caused it, and until when it waits. */
function originOf({ content, expiresAt, status }: Message): { traceId?: string | undefined; expiresAt?: string } {
  return {
    traceId: traceParentIn(Buffer.from(content.read()))?.traceId,
    ...(Number.isFinite(expiresAt) && status.state === "active"
      ? { expiresAt: new Date(expiresAt).toISOString() }
      : {}),
  };
}
