/** What becomes of a message: pure functions from one status to the next. `undefined` means that it is gone. */
import type { Message, MessageLock, MessageStatus, Outcome } from "./model.js";
import type { MessageEvent } from "./observer.js";
import type { QueueSettings } from "./settings.js";

type Next = MessageStatus | undefined;

/** A locked message, the status that it gets (none when it goes), and what that is called. */
export type Step = readonly [MessageLock, MessageStatus | undefined, MessageEvent];

/** The status after a receiver's word. SB-12 to SB-14, SB-18 to SB-20, SB-26, SB-33. */
export function settled(message: Message, outcome: Outcome, settings: QueueSettings, now: number): Next {
  const { status } = message;
  switch (outcome.kind) {
    case "complete":
      return undefined;
    case "release":
      return resting(message, status, settings, now);
    case "abandon":
      return failed(message, settings, now, outcome.modified);
    case "defer":
      return { ...withProperties(counted(status), outcome.modified), state: "deferred" };
    case "dead-letter":
      return {
        ...withProperties(status, outcome.modified),
        state: "active",
        deadLetter: { reason: outcome.reason, description: outcome.description },
      };
  }
}

/** The status after a delivery that came to nothing: abandoned, or its lock has ended. */
export function failed(message: Message, settings: QueueSettings, now: number, modified?: Uint8Array): Next {
  const status = withProperties(counted(message.status), modified);
  if (status.deadLetter === undefined && status.deliveryCount >= settings.maxDeliveryCount) {
    return {
      ...status,
      state: "active",
      deadLetter: {
        reason: "MaxDeliveryCountExceeded",
        description: `Message could not be consumed after ${settings.maxDeliveryCount} delivery attempts.`,
      },
    };
  }
  return resting(message, status, settings, now);
}

/** The status of a message whose time to live is over. SB-27. */
export function expired(status: MessageStatus, settings: QueueSettings): Next {
  if (!settings.deadLetteringOnMessageExpiration) return undefined;
  return {
    ...status,
    state: "active",
    deadLetter: { reason: "TTLExpiredException", description: "The message expired and was dead lettered." },
  };
}

/** The status of a scheduled message whose time has come: appended as a new one. SB-42. */
export function activated(status: MessageStatus, sequenceNumber: number, now: number): MessageStatus {
  return {
    ...status,
    sequenceNumber,
    scheduledNumber: status.sequenceNumber,
    state: "active",
    // Never before the wanted time (SB-06).
    enqueuedAt: Math.max(now, status.scheduledFor ?? now),
  };
}

/** When a message with this status expires, in wall time. SB-23, SB-28, SB-29, SB-32. */
export function expiryOf(status: MessageStatus, timeToLive: number | undefined, settings: QueueSettings): number {
  if (status.deadLetter !== undefined || status.state === "scheduled") return Infinity;
  return status.enqueuedAt + Math.min(timeToLive ?? Infinity, settings.defaultMessageTimeToLive);
}

/** A message that is not locked any more: SB-26, for deferred ones SB-28. */
function resting(message: Message, status: MessageStatus, settings: QueueSettings, now: number): Next {
  if (status.state === "active" && now >= message.expiresAt) return expired(status, settings);
  return status;
}

/** The count never rises in the dead-letter queue (SB-33). */
function counted(status: MessageStatus): MessageStatus {
  return status.deadLetter === undefined ? { ...status, deliveryCount: status.deliveryCount + 1 } : status;
}

function withProperties(status: MessageStatus, modified: Uint8Array | undefined): MessageStatus {
  if (modified === undefined || modified.length === 0) return status;
  const before = Buffer.from(status.modified ?? "", "base64");
  return { ...status, modified: Buffer.concat([before, modified]).toString("base64") };
}
