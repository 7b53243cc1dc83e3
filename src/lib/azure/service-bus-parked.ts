/** The messages of `failed-messages`: received once, deferred, and had again by their numbers. */
import type { ServiceBusClient, ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import Long from "long";
import type { ParkedMessage, ParkedMessages } from "../ports-operations.js";
import { SpanKind, idAttributes, inSpan } from "../spans.js";
import { sending } from "./service-bus-client.js";
import { calling } from "./transient.js";

const QUEUE = "failed-messages";
const AT_ONCE = 32;
/** An empty queue is found empty after this long. */
const WAIT_MS = 500;

export function serviceBusParked(client: ServiceBusClient): ParkedMessages {
  const callingBus = <Result>(call: () => Promise<Result>): Promise<Result> => calling("Service Bus", call);

  // Opened for each use: a link that waits all day between two runs would be one more thing that can break.
  async function receiving<Result>(
    use: (receiver: ServiceBusReceiver) => Promise<Result>,
    options: { readonly subQueueType?: "deadLetter" } = {},
  ): Promise<Result> {
    const receiver = client.createReceiver(QUEUE, options);
    try {
      return await callingBus(() => use(receiver));
    } finally {
      await receiver.close();
    }
  }

  /** What nobody could settle for ten deliveries is a message like any other: its text must not stay in a dead-letter queue. */
  async function reviveDeadLetters(): Promise<void> {
    await receiving(
      async (receiver) => {
        // Almost always there is none, and looking is quicker than waiting for some.
        if ((await receiver.peekMessages(1)).length === 0) return;
        const sender = client.createSender(QUEUE);
        try {
          for (const message of await receiver.receiveMessages(AT_ONCE, { maxWaitTimeInMs: WAIT_MS })) {
            const left = message.expiresAtUtc === undefined ? undefined : message.expiresAtUtc.getTime() - Date.now();
            const { body, contentType, applicationProperties } = message as Pick<
              ServiceBusReceivedMessage,
              "contentType" | "applicationProperties"
            > & { readonly body: unknown };
            if (left === undefined || left > 0) {
              await sender.sendMessages({
                body,
                ...(contentType === undefined ? {} : { contentType }),
                ...(applicationProperties === undefined ? {} : { applicationProperties }),
                ...(left === undefined ? {} : { timeToLive: left }),
              });
            }
            await receiver.completeMessage(message);
          }
        } finally {
          await sender.close();
        }
      },
      { subQueueType: "deadLetter" },
    );
  }

  return {
    receive: async (most, see) => {
      let count = 0;
      await receiving(async (receiver) => {
        while (count < most) {
          const messages = await receiver.receiveMessages(AT_ONCE, { maxWaitTimeInMs: WAIT_MS });
          if (messages.length === 0) return;
          for (const message of messages) {
            const fate = await seeing(parked(message), see);
            await (fate === "defer" ? receiver.deferMessage(message) : receiver.completeMessage(message));
            count += 1;
          }
        }
      });
      await reviveDeadLetters();
      return count;
    },

    take: async (sequenceNumber) => {
      const receiver = client.createReceiver(QUEUE);
      const number = Long.fromString(sequenceNumber);
      try {
        const [message] = await callingBus(() => receiver.receiveDeferredMessages(number as never));
        if (message === undefined) throw Object.assign(new Error("none came"), { code: "MessageNotFound" });
        const settling = (settle: () => Promise<void>) => async (): Promise<void> => {
          await callingBus(settle).finally(() => receiver.close());
        };
        return {
          ...parked(message),
          complete: settling(() => receiver.completeMessage(message)),
          release: settling(() => receiver.abandonMessage(message)),
        };
      } catch (error) {
        try {
          if ((error as { readonly code?: unknown }).code !== "MessageNotFound") throw error;
          // Locked by somebody else, or not deferred yet, it is found by looking.
          return (await callingBus(() => find(receiver, number))) === undefined ? "gone" : "busy";
        } finally {
          await receiver.close();
        }
      }
    },

    look: (sequenceNumber) =>
      receiving(async (receiver) => {
        const message = await find(receiver, Long.fromString(sequenceNumber));
        return message === undefined ? undefined : parked(message);
      }),

    sendBack: ({ queue, body, session, key, lifetimeMs }, trace) =>
      sending(
        queue,
        {
          body,
          contentType: "application/json",
          messageId: key,
          timeToLive: Math.max(1, lifetimeMs),
          ...(session === undefined ? {} : { sessionId: session }),
        },
        trace,
        async (traced) => {
          const sender = client.createSender(queue);
          try {
            await sender.sendMessages(traced);
          } finally {
            await sender.close();
          }
        },
      ),
  };
}

/** In a span of the message's own trace: the timer that looks is nothing that has caused it. */
const seeing = <Result>(message: ParkedMessage, see: (message: ParkedMessage) => Promise<Result>): Promise<Result> =>
  inSpan(
    {
      name: `process ${QUEUE}`,
      kind: SpanKind.CONSUMER,
      parent: message.trace,
      attributes: {
        "messaging.system": "servicebus",
        "messaging.operation.name": "park",
        "messaging.operation.type": "process",
        "messaging.destination.name": QUEUE,
        ...idAttributes(message.body),
      },
    },
    (trace) => see({ ...message, trace }),
  );

/** Peeking from a number gives the next one there is, which may be another. */
async function find(receiver: ServiceBusReceiver, number: Long): Promise<ServiceBusReceivedMessage | undefined> {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the one class, declared once for ESM and once for CommonJS
  const [message] = await receiver.peekMessages(1, { fromSequenceNumber: number });
  return message?.sequenceNumber?.toString() === number.toString() ? message : undefined;
}

const parked = ({ sequenceNumber, body, applicationProperties }: ServiceBusReceivedMessage): ParkedMessage => {
  const trace = applicationProperties?.["traceparent"];
  return {
    sequenceNumber: String(sequenceNumber),
    body: body as unknown,
    trace: typeof trace === "string" ? trace : undefined,
  };
};
