/** What every Service Bus function has in common: what came, and one log line of what became of it. */
import type { InvocationContext, ServiceBusQueueHandler } from "@azure/functions";
import { describeError } from "../describe-error.js";
import { isTransient } from "../errors.js";
import { services, tracing, type Services } from "../services.js";
import { SpanKind, idAttributes, inSpan, type SpanOptions } from "../spans.js";
import { within } from "../within.js";
import type { Trace } from "../ports.js";
import { tracedBy } from "../use-cases/trace-id.js";

export interface QueueCall {
  readonly ports: Services["ports"];
  readonly body: unknown;
  /** Which delivery of the message this is, from 1. */
  readonly attempts: number;
  /** The work that the message belongs to, which it has brought along. */
  readonly trace: Trace;
  /** In a dead-letter queue: why the broker, or a receiver, put it there. */
  readonly deadLetterReason?: string | undefined;
}

/**
 * A Service Bus function. It completes the message by returning and abandons it by throwing. The outcome is logged without
 * content; no ids of users, no texts.
 */
export function queueHandler(
  subject: string,
  handle: (call: QueueCall) => Promise<Readonly<Record<string, unknown>>>,
): ServiceBusQueueHandler {
  return async (body: unknown, context: InvocationContext) => {
    const [{ ports }] = await Promise.all([services(), tracing()]);
    const call = { body, attempts: attemptsOf(context), deadLetterReason: reasonOf(context) };
    if (subject.startsWith("dead-")) ports.metrics.count("dayfly_dead_letters_total", 1, subject.slice("dead-".length));
    if (call.attempts > 1) ports.metrics.count("dayfly_retries_total");
    try {
      await inSpan(spanOf(body, context), async (trace) => {
        const result = await handle({ ports: within(ports, trace), trace, ...call });
        context.log(JSON.stringify({ subject, ...result }));
      });
    } catch (error) {
      // Of transient trouble all that can be waited out inside the call has been. Of what nobody has foreseen nothing has: the
      // next delivery follows at once, and they are numbered.
      if (!isTransient(error)) await ports.clock.wait(pauseAfter(call.attempts));
      // eslint-disable-next-line preserve-caught-error -- the host logs what is thrown: not what a client's error carries
      throw new Error(`${subject}: ${describeError(error)}`);
    }
  };
}

function spanOf(body: unknown, context: InvocationContext): SpanOptions {
  const { functionName, invocationId, options } = context;
  const { queueName = functionName } = options.trigger as { readonly queueName?: string };
  return {
    name: `process ${queueName}`,
    kind: SpanKind.CONSUMER,
    parent: parentOf(context),
    attributes: {
      "faas.name": functionName,
      "faas.invocation_id": invocationId,
      "faas.trigger": "pubsub",
      "messaging.system": "servicebus",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": queueName,
      "messaging.servicebus.message.delivery_count": attemptsOf(context),
      ...idAttributes(body),
    },
  };
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
const pauseAfter = (attempts: number): number => Math.min(FIRST_PAUSE_MS * 2 ** (attempts - 1), LONGEST_PAUSE_MS);

const propertiesOf = (context: InvocationContext): Record<string, unknown> =>
  (context.triggerMetadata?.["applicationProperties"] ?? {}) as Record<string, unknown>;

function reasonOf(context: InvocationContext): string | undefined {
  const reason = propertiesOf(context)["DeadLetterReason"];
  return typeof reason === "string" ? reason : undefined;
}

const attemptsOf = (context: InvocationContext): number => {
  const count = context.triggerMetadata?.["deliveryCount"];
  return typeof count === "number" ? count : 1;
};

/** The span of the host's own where the host has joined the message's trace; else what the message says. */
function parentOf(context: InvocationContext): Trace {
  const host = context.traceContext?.traceParent;
  const carried = propertiesOf(context)["traceparent"];
  if (typeof carried !== "string") return host;
  return tracedBy(host).traceId === tracedBy(carried).traceId ? host : carried;
}
