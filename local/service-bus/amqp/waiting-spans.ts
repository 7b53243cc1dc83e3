/** How long messages have waited here, as spans below their senders': of those that carry a trace, as the SDKs do. */
import type { Clock } from "../../clock/clock.js";
import type { SpanSender } from "../../spans.js";
import type { Message } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";
import { traceParentIn } from "./codec/trace-parent.js";

/** Takes each message, encoded, as it goes out. */
export type Delivered = (queue: Queue, message: Message, encoded: Buffer) => void;

/** From when a message was enqueued, or activated, to its first delivery. */
export const waitingSpans =
  (spans: SpanSender, clock: Clock): Delivered =>
  (queue, { status }, encoded) => {
    if (!spans.wanted || status.deliveryCount > 0) return;
    const parent = traceParentIn(encoded);
    if (parent === undefined) return;
    const name = queue.settings.name + (status.deadLetter === undefined ? "" : "/$deadletterqueue");
    spans.report({
      name: `wait ${name}`,
      parent,
      start: status.enqueuedAt,
      end: Math.max(status.enqueuedAt, clock.now()),
      attributes: {
        "messaging.system": "servicebus",
        "messaging.destination.name": name,
        "messaging.servicebus.message.sequence_number": status.sequenceNumber,
      },
    });
  };
