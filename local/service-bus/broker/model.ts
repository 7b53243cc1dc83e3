import type { Deadline } from "./deadlines.js";
import type { Heap, HeapItem } from "./heap.js";
import type { SequenceIndex } from "./sequence-index.js";

/** What a sender hands over. `content` is opaque to the broker: the AMQP layer wrote it and will read it. */
export interface IncomingMessage {
  readonly content: Uint8Array;
  readonly messageId: string;
  readonly sessionId?: string | undefined;
  /** The message's own, in milliseconds. */
  readonly timeToLive?: number | undefined;
  /** Wall time; a past one counts as now (SB-41). */
  readonly scheduledFor?: number | undefined;
  readonly forwarded?: Forwarded | undefined;
  /** As in `MessageStatus`. */
  readonly modified?: string | undefined;
}

/** What a message was before another queue's dead letters were forwarded to this one. */
export interface Forwarded {
  /** The queue that it was a dead letter of. */
  readonly source: string;
  readonly letter: DeadLetter;
  /** The first one it had. */
  readonly sequenceNumber: number;
  readonly hops: number;
}

/** Why a message is in the dead-letter queue; both are absent when a receiver gave none (SB-36). */
export interface DeadLetter {
  readonly reason?: string | undefined;
  readonly description?: string | undefined;
}

/** The content of a stored message: in memory while it is new, on disk alone when there is much of it. */
export interface Content {
  /** In bytes. */
  readonly length: number;
  /** @throws when the disk does not give it */
  read(): Uint8Array;
  /** From now on it is there although the message is removed. @throws when the disk does not give it */
  pin(): void;
}

/** What changes during a message's life and is kept on disk. Replaced, never mutated. */
export interface MessageStatus {
  readonly sequenceNumber: number;
  readonly state: "active" | "scheduled" | "deferred";
  readonly enqueuedAt: number;
  readonly deliveryCount: number;
  readonly scheduledFor?: number;
  /** The number it had while it was scheduled (SB-42). */
  readonly scheduledNumber?: number;
  /** Present in the dead-letter queue. */
  readonly deadLetter?: DeadLetter;
  /** Application properties that receivers have set, encoded by the AMQP layer, base64 (SB-20). */
  readonly modified?: string;
  readonly forwarded?: Forwarded;
}

export interface Message extends HeapItem {
  /** Names its records on disk: the first sequence number it had. */
  readonly id: number;
  readonly content: Content;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly timeToLive: number | undefined;
  status: MessageStatus;
  /** The status' number, for the index. */
  sequenceNumber: number;
  /** Wall time; Infinity when it never expires. */
  expiresAt: number;
  lock: MessageLock | undefined;
  /** Set in the main part of a session queue. */
  session: Session | undefined;
  /** Falls due at `expiresAt`, or when it is scheduled for. */
  deadline: Deadline | undefined;
  /** Whether a record of its status exists beside the one it was stored with. */
  statusStored: boolean;
}

export interface MessageLock {
  readonly token: string;
  readonly message: Message;
  /** Uptime; a message locked by a session follows the session's. */
  until: number;
  deadline: Deadline | undefined;
  /** A settlement is being written: nobody else may settle it, and it does not expire. */
  settling: boolean;
  readonly owner: SessionLock | undefined;
}

export interface Session extends HeapItem {
  readonly id: string;
  /** Active, unlocked messages. */
  readonly active: Heap<Message>;
  readonly messages: SequenceIndex<Message>;
  holder: SessionLock | undefined;
  state: Uint8Array | undefined;
  /** Settlements of a former holder that are still being written: until then the order of messages is not known. */
  unfinished: number;
}

export interface SessionLock {
  readonly session: Session;
  /** Uptime. */
  until: number;
  deadline: Deadline | undefined;
  readonly locks: Set<MessageLock>;
  readonly onLost: () => void;
  subscription: Subscription | undefined;
}

/** Who takes messages: a link. */
export interface Consumer {
  /** How many messages may be handed over right now. */
  capacity(): number;
  /** Without a lock the message is gone already (receive and delete). */
  deliver(message: Message, lock: MessageLock | undefined): void;
}

export type ReceiveMode = "peek-lock" | "receive-and-delete";

export interface Subscription {
  readonly consumer: Consumer;
  readonly mode: ReceiveMode;
  /** Messages taken for it whose removal is being written (receive and delete). */
  pending: number;
  closed: boolean;
}

/** What a receiver says about a locked message. `modified` is encoded by the AMQP layer. */
export type Outcome =
  | { readonly kind: "complete" }
  | { readonly kind: "release" }
  | { readonly kind: "abandon"; readonly modified?: Uint8Array | undefined }
  | { readonly kind: "defer"; readonly modified?: Uint8Array | undefined }
  | ({ readonly kind: "dead-letter"; readonly modified?: Uint8Array | undefined } & DeadLetter);
