/** Sending to the queues. Receiving is the Functions host's work. */
import { createHash } from "node:crypto";
import type { ServiceBusClient, ServiceBusMessage, ServiceBusSender } from "@azure/service-bus";
import Long from "long";
import type { FailureEnvelope, TextEnvelope } from "../contracts/queue.js";
import { timeLeft } from "../domain/message.js";
import type { Queues, Trace } from "../ports.js";
import { sending } from "./service-bus-client.js";
import { calling } from "./transient.js";

export interface ServiceBusQueues extends Queues {
  /** Resolves when the namespace answers. */
  probe(): Promise<void>;
}

export function serviceBusQueues(client: ServiceBusClient, now: () => number): ServiceBusQueues {
  const senders = new Map<string, ServiceBusSender>();

  function senderOf(queue: string): ServiceBusSender {
    let sender = senders.get(queue);
    if (sender === undefined) {
      sender = client.createSender(queue);
      senders.set(queue, sender);
    }
    return sender;
  }

  const send = (queue: string, message: ServiceBusMessage, trace: Trace): Promise<void> =>
    sending(queue, { contentType: "application/json", ...message }, trace, (traced) =>
      senderOf(queue).sendMessages(traced),
    );

  return {
    sendText: (envelope, trace) =>
      // 0 would mean "none" to the client: a text with no life left is not sent, but a race must not make it immortal.
      send(
        "text-messages",
        textMessage(envelope, Math.max(1, timeLeft({ expiresAt: new Date(envelope.endsAt) }, now()))),
        trace,
      ),

    scheduleText: (envelope, at, trace) =>
      // Its life starts when it is enqueued (learn.microsoft.com, message-expiration).
      sending(
        "text-messages",
        textMessage(envelope, Date.parse(envelope.endsAt) - at.getTime()),
        trace,
        async (traced) => {
          const [sequenceNumber] = await senderOf("text-messages").scheduleMessages(traced, at);
          return String(sequenceNumber);
        },
      ),

    cancelText: (sequenceNumber) =>
      calling("Service Bus", async () => {
        try {
          // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the one class, declared once for ESM and once for CommonJS
          await senderOf("text-messages").cancelScheduledMessages(Long.fromString(sequenceNumber));
        } catch (error) {
          // Active already, or gone: a number is only good while the message is held.
          if ((error as { readonly code?: unknown }).code !== "MessageNotFound") throw error;
        }
      }),

    sendRetained: (envelope, trace) => {
      const { conversation, message, version } = envelope;
      return send(
        "retained-messages",
        { body: envelope, messageId: `retain:${conversation}:${message}:${String(version)}` },
        trace,
      );
    },

    sendFile: (envelope, trace, at) => {
      const { conversation, id, attempt } = envelope;
      return send(
        "file-messages",
        {
          body: envelope,
          sessionId: conversation,
          messageId: digest([conversation, id, attempt]),
          timeToLive: Math.max(1, timeLeft({ expiresAt: new Date(envelope.endsAt) }, at?.getTime() ?? now())),
          ...(at === undefined ? {} : { scheduledEnqueueTimeUtc: at }),
        },
        trace,
      );
    },

    sendClosed: (envelope, key, trace) => send("url-closed", { body: envelope, messageId: digest([key]) }, trace),

    scheduleDeadline: (envelope, at, key, trace) =>
      send("deadlines", { body: envelope, messageId: key, scheduledEnqueueTimeUtc: at }, trace),

    sendFailure: (failure, lifetimeMs, trace) =>
      send(
        "failed-messages",
        { body: keepable(failure), messageId: failure.id, timeToLive: Math.max(1, lifetimeMs) },
        trace,
      ),

    probe: () =>
      calling("Service Bus", async () => {
        // Opening a sender takes the connection, the sign-in and the queue; nothing is sent.
        const sender = client.createSender("text-messages");
        try {
          await sender.createMessageBatch();
        } finally {
          await sender.close();
        }
      }),
  };
}

/** A message has at most 256 KB (learn.microsoft.com, service-bus-quotas), its properties among them. */
const MAX_FAILURE_BYTES = 240_000;

/** What was too large for its contract may be too large to be parked in a wrapping: then that it failed is kept, and not it. */
function keepable(failure: FailureEnvelope): FailureEnvelope {
  const { original } = failure;
  const kept = original instanceof Uint8Array ? { base64: Buffer.from(original).toString("base64") } : original;
  const envelope = { ...failure, original: kept };
  if (Buffer.byteLength(JSON.stringify(envelope)) <= MAX_FAILURE_BYTES) return envelope;
  return { ...envelope, original: null, detail: `${failure.detail} It was too large to be kept.` };
}

function textMessage(envelope: TextEnvelope, timeToLive: number): ServiceBusMessage {
  const { conversation, author, id, text, quote, attempt, sentAt, schedule } = envelope;
  // What is scheduled is another message at another time; what is sent at once is the same whenever it is tried again.
  const scheduled = schedule === undefined ? null : [sentAt, schedule];
  return {
    body: envelope,
    contentType: "application/json",
    sessionId: conversation,
    messageId: digest([conversation, author, id, text, quote ?? null, scheduled, attempt]),
    timeToLive,
  };
}

/** The same for the same parts, whatever is in them; 64 characters, and a broker id may have 128. */
const digest = (parts: readonly unknown[]): string => createHash("sha256").update(JSON.stringify(parts)).digest("hex");
