/** Accepting the next session that has messages. */
import type { ServiceBusSessionReceiver } from "@azure/service-bus";
import type { ListenerContext } from "./processor.js";

/** Waits, about a minute, for a session; the SDK's own lock renewal is off. */
export async function acceptSession({ clients, trigger }: ListenerContext): Promise<ServiceBusSessionReceiver> {
  const { entity, connection } = trigger;
  const client = await clients.get(connection, "sessions");
  const options = { maxAutoLockRenewalDurationInMs: 0, skipParsingBodyAsJson: true, skipConvertingDate: true };
  return entity.subscription === undefined
    ? client.acceptNextSession(entity.queueOrTopic, options)
    : client.acceptNextSession(entity.queueOrTopic, entity.subscription, options);
}

/** Whether an accept ended only because no session had a message. */
export function isNoSession(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === "ServiceTimeout" || code === "OperationTimeoutError";
}
