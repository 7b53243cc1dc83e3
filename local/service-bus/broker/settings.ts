/** Settings of a queue, named as in Azure's resource `Microsoft.ServiceBus/namespaces/queues`; times in milliseconds. */
export interface QueueSettings {
  readonly name: string;
  readonly requiresSession: boolean;
  /** Infinity without a limit (SB-23). */
  readonly defaultMessageTimeToLive: number;
  readonly deadLetteringOnMessageExpiration: boolean;
  readonly requiresDuplicateDetection: boolean;
  readonly duplicateDetectionHistoryTimeWindow: number;
  readonly lockDuration: number;
  readonly maxDeliveryCount: number;
  readonly maxSizeInMegabytes: number;
  readonly maxMessageSizeInKilobytes: number;
  /**
   * SB-30: one expired message takes the rest of its session along, as Azure documents it ("Message expiration" of its page on
   * sessions). Not a setting of Azure's: switched off, each message expires by itself.
   */
  readonly expireWholeSession: boolean;
  /** The queue that dead letters go on to; undefined: they stay. */
  readonly forwardDeadLetteredMessagesTo: string | undefined;
  /** Unused for so long the queue is deleted; Infinity: never. */
  readonly autoDeleteOnIdle: number;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** What Azure gives a queue of the Standard tier when nothing is said. */
export const DEFAULT_SETTINGS: Omit<QueueSettings, "name"> = {
  requiresSession: false,
  defaultMessageTimeToLive: Infinity,
  deadLetteringOnMessageExpiration: false,
  requiresDuplicateDetection: false,
  duplicateDetectionHistoryTimeWindow: 10 * MINUTE,
  lockDuration: MINUTE,
  maxDeliveryCount: 10,
  maxSizeInMegabytes: 1_024,
  maxMessageSizeInKilobytes: 256,
  expireWholeSession: true,
  forwardDeadLetteredMessagesTo: undefined,
  autoDeleteOnIdle: Infinity,
};
