/** The client that sending and parking share. */
import { RetryMode, ServiceBusClient, type ServiceBusClientOptions, type ServiceBusMessage } from "@azure/service-bus";
import type { Config } from "../config.js";
import type { Trace } from "../ports.js";
import { SpanKind, idAttributes, inSpan } from "../spans.js";
import { identityOf } from "./credential.js";
import { calling } from "./transient.js";

/** The client's defaults (3 × 30 s) would outlast any caller; a send is cheap to try again. */
const OPTIONS: ServiceBusClientOptions = {
  retryOptions: {
    mode: RetryMode.Exponential,
    maxRetries: 3,
    retryDelayInMs: 200,
    maxRetryDelayInMs: 1_000,
    timeoutInMs: 10_000,
  },
};

export const openServiceBus = async (config: Config): Promise<ServiceBusClient> =>
  config.SERVICE_BUS !== undefined
    ? new ServiceBusClient(config.SERVICE_BUS, OPTIONS)
    : new ServiceBusClient(String(config.SERVICE_BUS__fullyQualifiedNamespace), await identityOf(config), OPTIONS);

/** Sends a message in a span of its own, which the message carries as the cause of all that follows. */
export const sending = <Result>(
  queue: string,
  message: ServiceBusMessage,
  trace: Trace,
  send: (message: ServiceBusMessage) => Promise<Result>,
): Promise<Result> =>
  inSpan(
    {
      name: `send ${queue}`,
      kind: SpanKind.PRODUCER,
      parent: trace,
      attributes: {
        "messaging.system": "servicebus",
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": queue,
        ...idAttributes(message.body),
      },
    },
    (own) => calling("Service Bus", () => send(traced(message, own))),
  );

/**
 * The trace goes along under both names: `traceparent` is ours, `Diagnostic-Id` is what the Functions host ties the
 * receiving invocation to (azure-sdk, instrumentServiceBusMessage).
 */
const traced = (message: ServiceBusMessage, trace: Trace): ServiceBusMessage =>
  trace === undefined
    ? message
    : {
        ...message,
        applicationProperties: { ...message.applicationProperties, traceparent: trace, "Diagnostic-Id": trace },
      };
