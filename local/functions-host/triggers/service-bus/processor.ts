/** One message, one invocation, one settlement (`ServiceBusListener.ProcessMessageAsync`, `MessageProcessor`). */
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import type { Clock } from "../../../clock/clock.js";
import type { HostFunction } from "../../functions.js";
import type { ServiceBusOptions } from "../../host-json.js";
import type { InvocationResult, Trigger } from "../../invoke.js";
import { describeError, type Log } from "../../log.js";
import type { ServiceBusClients } from "./clients.js";
import type { ServiceBusTrigger } from "./entity.js";
import { batchInput, singleInput } from "./metadata.js";
import type { Settlement } from "./settlement.js";

export interface ListenerContext {
  readonly trigger: ServiceBusTrigger;
  readonly options: ServiceBusOptions;
  readonly clients: ServiceBusClients;
  readonly clock: Clock;
  readonly log: Log;
  readonly invoke: (fn: HostFunction, trigger: Trigger) => Promise<InvocationResult>;
}

export interface Listener {
  start(): void;
  /** Receives nothing more; resolves when no message is on its way to an invocation. */
  stop(): Promise<void>;
}

/** Invokes the function with one message and settles it. Never rejects; false when it could not be settled. */
export async function processOne(
  context: ListenerContext,
  message: ServiceBusReceivedMessage,
  settlement: Settlement,
): Promise<boolean> {
  const { trigger } = context;
  const result = await context.invoke(trigger.fn, {
    reason: reason(context),
    details: describeMessage(message),
    traceParent: traceParent(message),
    message: { sequenceNumber: Number(message.sequenceNumber), deliveryCount: (message.deliveryCount ?? 0) + 1 },
    ...singleInput(message, trigger.binary),
  });
  return settleAll(context, [message], result, settlement);
}

/** Invokes the function with all messages and settles them alike. Never rejects; false when one could not be settled. */
export async function processBatch(
  context: ListenerContext,
  messages: readonly ServiceBusReceivedMessage[],
  settlement: Settlement,
): Promise<boolean> {
  const { trigger } = context;
  const result = await context.invoke(trigger.fn, {
    reason: reason(context),
    details: `MessageCount: ${messages.length}`,
    ...batchInput(messages, trigger.binary),
  });
  return settleAll(context, messages, result, settlement);
}

/**
 * Success completes, unless completing is the function's own affair; a failure abandons, whatever `autoCompleteMessages` says. An abandoned
 * message is delivered again at once.
 */
async function settleAll(
  context: ListenerContext,
  messages: readonly ServiceBusReceivedMessage[],
  result: InvocationResult,
  settlement: Settlement,
): Promise<boolean> {
  const autoComplete = context.trigger.autoComplete ?? context.options.autoCompleteMessages;
  if (result.succeeded && !autoComplete) return true;
  const outcome = result.succeeded ? "complete" : "abandon";
  const settled = await Promise.allSettled(messages.map((message) => settlement.settle(message, outcome)));
  const failed = settled.find((each) => each.status === "rejected");
  if (failed !== undefined) logError(context, `could not ${outcome} a message`, failed.reason);
  return failed === undefined;
}

/** What an error of the SDK was about; its texts hold no bodies. */
export function logError({ trigger, log }: ListenerContext, what: string, error: unknown): void {
  const { code } = error as { code?: unknown };
  const { message } = error as Error;
  const named = typeof code === "string" && !message.startsWith(code) ? `${code}: ${message}` : message;
  const text = typeof code === "string" ? named : describeError(error);
  log("warning", "Host.Triggers.ServiceBus", `'${trigger.fn.name}' (${trigger.entity.path}): ${what}: ${text}`);
}

function reason({ trigger }: ListenerContext): string {
  return `New ServiceBus message detected on '${trigger.entity.path}'.`;
}

function describeMessage(message: ServiceBusReceivedMessage): string {
  const facts: readonly (readonly [string, string | number | undefined])[] = [
    ["MessageId", message.messageId?.toString()],
    ["SequenceNumber", message.sequenceNumber?.toString()],
    ["DeliveryCount", (message.deliveryCount ?? 0) + 1],
    ["EnqueuedTimeUtc", message.enqueuedTimeUtc?.toISOString()],
    ["LockedUntilUtc", message.lockedUntilUtc?.toISOString()],
    ["SessionId", message.sessionId],
  ];
  return facts.map(([name, value]) => `${name}: ${value ?? "(null)"}`).join(", ");
}

/** The sender's trace, in the property that the SDKs use. */
function traceParent(message: ServiceBusReceivedMessage): string | undefined {
  const properties = message.applicationProperties ?? {};
  const value = properties["traceparent"] ?? properties["Diagnostic-Id"];
  return typeof value === "string" ? value : undefined;
}
