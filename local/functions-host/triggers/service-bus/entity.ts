/** Which queue or subscription a trigger listens to. */
import type { ServiceBusClient, ServiceBusReceiver } from "@azure/service-bus";
import { StartError } from "../../../part.js";
import type { HostFunction } from "../../functions.js";
import { resolveSettings } from "../../settings.js";

export interface Entity {
  /** As in logs: `queue`, `queue/$deadletterqueue`, `topic/Subscriptions/name`. */
  readonly path: string;
  readonly queueOrTopic: string;
  readonly subscription: string | undefined;
  readonly deadLetter: boolean;
}

export interface ServiceBusTrigger {
  readonly fn: HostFunction;
  readonly entity: Entity;
  readonly connection: string | undefined;
  readonly sessions: boolean;
  readonly many: boolean;
  readonly binary: boolean;
  /** The function's own setting; undefined leaves it to host.json. */
  readonly autoComplete: boolean | undefined;
}

const DEAD_LETTER = /\/\$deadletterqueue$/i;

/**
 * Reads the trigger's options.
 * @throws StartError when they name no queue, or a setting that is missing
 */
export function serviceBusTrigger(fn: HostFunction, environment: NodeJS.ProcessEnv): ServiceBusTrigger {
  const {
    queueName,
    topicName,
    subscriptionName,
    connection,
    isSessionsEnabled,
    cardinality,
    dataType,
    autoCompleteMessages,
  } = fn.trigger as {
    readonly queueName?: string;
    readonly topicName?: string;
    readonly subscriptionName?: string;
    readonly connection?: string;
    readonly isSessionsEnabled?: boolean;
    readonly cardinality?: string;
    readonly dataType?: string;
    readonly autoCompleteMessages?: boolean;
  };
  const resolve = (text: string): string => resolveSettings(text, environment);
  const name = queueName ?? topicName;
  if (name === undefined || (queueName === undefined && subscriptionName === undefined)) {
    throw new StartError(`Function '${fn.name}' names neither a queue nor a topic with a subscription.`);
  }
  const first = resolve(name);
  const subscription =
    queueName === undefined && subscriptionName !== undefined ? resolve(subscriptionName) : undefined;
  return {
    fn,
    entity: {
      path: subscription === undefined ? first : `${first}/Subscriptions/${subscription}`,
      queueOrTopic: first.replace(DEAD_LETTER, ""),
      subscription: subscription?.replace(DEAD_LETTER, ""),
      deadLetter: DEAD_LETTER.test(subscription ?? first),
    },
    connection: connection === undefined ? undefined : resolve(connection),
    sessions: isSessionsEnabled === true,
    many: cardinality?.toLowerCase() === "many",
    binary: dataType?.toLowerCase() === "binary",
    autoComplete: autoCompleteMessages,
  };
}

/** A peek-lock receiver without the SDK's own lock renewal, which hands out bodies as they are. */
export function createReceiver(client: ServiceBusClient, entity: Entity): ServiceBusReceiver {
  const options = {
    maxAutoLockRenewalDurationInMs: 0,
    skipParsingBodyAsJson: true,
    skipConvertingDate: true,
    ...(entity.deadLetter ? { subQueueType: "deadLetter" as const } : {}),
  };
  return entity.subscription === undefined
    ? client.createReceiver(entity.queueOrTopic, options)
    : client.createReceiver(entity.queueOrTopic, entity.subscription, options);
}
