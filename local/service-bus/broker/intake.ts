import type { QueueContext } from "./context.js";
import { Duplicates } from "./duplicates.js";
import { BrokerError, storageRefused } from "./error.js";
import type { Change } from "./journal.js";
import type { IncomingMessage, Message, MessageStatus } from "./model.js";
import type { QueueObserver } from "./observer.js";
import { duplicateForgotten, duplicateSeen, messageStored, nextNumber } from "./records.js";
import type { QueueSettings } from "./settings.js";
import { expiryOf } from "./transitions.js";

const BYTES_PER_MEGABYTE = 1024 * 1024;
const LONGEST_ID_CHARACTERS = 128;

/** The way into a queue: limits, duplicates, sequence numbers, and the write after which a message counts. */
export class Intake {
  readonly duplicates: Duplicates | undefined;
  readonly #settings: QueueSettings;
  readonly #context: QueueContext;
  readonly #store: (message: Message) => void;
  readonly #sizeInBytes: () => number;
  readonly #observer: QueueObserver;
  readonly #onUse: () => void;
  #closed: BrokerError | undefined;
  #nextNumber = 1;
  /** Bytes of messages that are being written. */
  #arrivingBytes = 0;

  constructor(options: {
    readonly settings: QueueSettings;
    readonly context: QueueContext;
    /** Takes a message that has been written. */
    readonly store: (message: Message) => void;
    readonly sizeInBytes: () => number;
    readonly observer: QueueObserver;
    readonly onUse: () => void;
  }) {
    this.#settings = options.settings;
    this.#context = options.context;
    this.#store = options.store;
    this.#sizeInBytes = options.sizeInBytes;
    this.#observer = options.observer;
    this.#onUse = options.onUse;
    const { settings } = options;
    const { name, requiresDuplicateDetection } = settings;
    const { clock, wallTime, journal } = options.context;
    if (requiresDuplicateDetection) {
      this.duplicates = new Duplicates({
        window: () => settings.duplicateDetectionHistoryTimeWindow,
        clock,
        deadlines: wallTime,
        onForgotten: (ids) => {
          journal.background(ids.map((id) => duplicateForgotten(name, id)));
        },
      });
    }
  }

  /**
   * Stores a message or a batch: all or nothing, consecutive numbers (SB-07). Resolves once written, to the number of each message.
   * A duplicate is accepted and dropped, and its number is good for nothing (SB-45, SB-47). `besides` is written with them.
   */
  async send(messages: readonly IncomingMessage[], besides: readonly Change[] = []): Promise<number[]> {
    this.#onUse();
    if (this.#closed !== undefined) throw this.#closed;
    for (const message of messages) this.#check(message);
    this.checkQuota(messages.reduce((sum, { content }) => sum + content.length, 0));

    const { duplicates } = this;
    const now = this.#context.clock.now();
    const numbers: number[] = [];
    const stored: Message[] = [];
    const changes: Change[] = [...besides];
    const newIds = new Set<string>();
    const earlier: Promise<void>[] = [];
    const dropped: string[] = [];
    for (const message of messages) {
      const number = this.takeNumber();
      numbers.push(number);
      const first = duplicates?.find(message.messageId);
      if (first !== undefined || newIds.has(message.messageId)) {
        // Nothing keeps this number but the next one.
        changes.push(nextNumber(this.#settings.name, number + 1));
        if (first !== undefined) earlier.push(first);
        dropped.push(message.messageId);
        continue;
      }
      const { message: kept, change } = this.#newMessage(message, number, now);
      stored.push(kept);
      changes.push(change);
      if (duplicates !== undefined) {
        newIds.add(message.messageId);
        changes.push(duplicateSeen(this.#settings.name, message.messageId, now));
      }
    }
    const written = this.#write(stored, changes);
    for (const id of newIds) duplicates?.add(id, now, written);
    // Accepting a duplicate says that the first one is stored.
    await Promise.all([written, ...earlier]);
    for (const messageId of dropped) this.#observer.duplicate(messageId);
    return numbers;
  }

  /** The queue is going: nothing is taken any more. */
  close(reason: BrokerError): void {
    this.#closed = reason;
  }

  get nextNumber(): number {
    return this.#nextNumber;
  }

  takeNumber(): number {
    return this.#nextNumber++;
  }

  /** Numbers go on after this one. */
  recoverNumber(number: number): void {
    this.#nextNumber = Math.max(this.#nextNumber, number);
  }

  /** SB-57. */
  checkQuota(growth: number): void {
    const limit = this.#settings.maxSizeInMegabytes * BYTES_PER_MEGABYTE;
    if (this.#sizeInBytes() + this.#arrivingBytes + growth > limit) {
      throw new BrokerError(
        "quota-exceeded",
        `The maximum entity size has been reached or exceeded for queue '${this.#settings.name}' (${this.#settings.maxSizeInMegabytes} MB).`,
      );
    }
  }

  #check({ messageId, sessionId }: IncomingMessage): void {
    if (this.#settings.requiresSession && sessionId === undefined) {
      throw new BrokerError(
        "not-allowed",
        "The SessionId was not set on a message, and it cannot be sent to the entity.",
      );
    }
    for (const [field, value] of [
      ["MessageId", messageId],
      ["SessionId", sessionId ?? ""],
    ] as const) {
      if (value.length > LONGEST_ID_CHARACTERS) {
        throw new BrokerError("argument-error", `${field} may have ${LONGEST_ID_CHARACTERS} characters at most.`);
      }
    }
  }

  #newMessage(incoming: IncomingMessage, number: number, now: number): { message: Message; change: Change } {
    const { messageId, sessionId, timeToLive, scheduledFor, forwarded, modified } = incoming;
    const status: MessageStatus = {
      sequenceNumber: number,
      state: scheduledFor !== undefined && scheduledFor > now ? "scheduled" : "active",
      enqueuedAt: now,
      deliveryCount: 0,
      ...(scheduledFor === undefined ? {} : { scheduledFor }),
      ...(forwarded === undefined ? {} : { forwarded }),
      ...(modified === undefined ? {} : { modified }),
    };
    const { name } = this.#settings;
    const { change, content: bytes } = messageStored(name, number, incoming, status);
    const content = this.#context.contents.add(name, number, bytes);
    return {
      message: newMessage(number, { content, messageId, sessionId, timeToLive }, status, this.#settings),
      change,
    };
  }

  async #write(messages: readonly Message[], changes: readonly Change[]): Promise<void> {
    const bytes = messages.reduce((sum, { content }) => sum + content.length, 0);
    this.#arrivingBytes += bytes;
    try {
      await this.#context.journal.commit(changes);
    } catch (error) {
      throw storageRefused(error);
    } finally {
      this.#arrivingBytes -= bytes;
    }
    for (const message of messages) {
      this.#context.contents.written(message.content);
      this.#observer.message(message.status.state === "scheduled" ? "scheduled" : "accepted", message, message.status);
      this.#store(message);
    }
  }
}

/** A message in memory, in no place yet. `id` names its records. */
export function newMessage(
  id: number,
  {
    content,
    messageId,
    sessionId,
    timeToLive,
  }: Pick<Message, "content" | "messageId"> & Pick<IncomingMessage, "sessionId" | "timeToLive">,
  status: MessageStatus,
  settings: QueueSettings,
): Message {
  return {
    id,
    content,
    messageId,
    sessionId,
    timeToLive,
    status,
    sequenceNumber: status.sequenceNumber,
    expiresAt: expiryOf(status, timeToLive, settings),
    lock: undefined,
    session: undefined,
    deadline: undefined,
    statusStored: false,
    heapIndex: -1,
  };
}
