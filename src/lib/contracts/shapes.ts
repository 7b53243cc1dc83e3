/** What clients get: the shapes of the REST answers and of the Socket.IO events. Times are ISO 8601 in UTC. */

export interface ReceiptShape {
  readonly user: string;
  readonly deliveredSeq: number;
  readonly readSeq: number;
}

export interface ConversationShape {
  readonly id: string;
  readonly title?: string;
  readonly members: readonly string[];
  readonly createdAt: string;
  readonly headSeq: number;
  /** The caller sees nothing at or below it. */
  readonly joinedSeq: number;
  readonly lastMessageAt?: string;
  /** Messages of others above the caller's `readSeq`; counted up to 1,000. */
  readonly unread: number;
  /** Everyone's watermarks; empty above 20 members. */
  readonly receipts: readonly ReceiptShape[];
}

export interface RetentionShape {
  readonly state: "none" | "pending" | "retained" | "released" | "lapsed";
  readonly required: readonly string[];
  readonly consents: readonly { readonly user: string; readonly at: string }[];
  /** When a retained message ends. */
  readonly until?: string;
}

/** What became of one message's consent when many were given at once. */
export interface ConsentResultShape {
  readonly messageId: string;
  readonly seq: number;
  /** Absent when the consent was not taken. */
  readonly retention?: RetentionShape;
  /** Why it was not taken: a code of docs/errors.md. */
  readonly code?: string;
}

export interface MessageShape {
  readonly id: string;
  readonly conversationId: string;
  /** Its place in the conversation's log; absent before it is delivered. */
  readonly seq?: number;
  readonly author: string;
  readonly kind: "text" | "file";
  readonly text?: string;
  readonly replyTo?: string;
  readonly sentAt: string;
  readonly expiresAt: string;
  /** Milliseconds of life left by the server's clock when the answer was made. */
  readonly expiresInMs: number;
  readonly state: "scheduled" | "accepted" | "delivered" | "expired" | "deleted" | "failed" | "canceled";
  /** Of a scheduled text: when it will be sent. Until then `sentAt` and `expiresAt` say what they will be. */
  readonly sendAt?: string;
  readonly retention: RetentionShape;
}

export interface PageShape<Item> {
  readonly items: readonly Item[];
  readonly nextCursor?: string;
}

export type ChangeType =
  | "message.created"
  | "message.expired"
  | "message.deleted"
  | "conversation.updated"
  | "retention.requested"
  | "retention.retained"
  | "retention.released"
  | "retention.lapsed";

export interface ChangeShape {
  readonly seq: number;
  readonly type: ChangeType;
  readonly messageId?: string;
  readonly at: string;
  /** The message's present state, while it is readable. */
  readonly message?: MessageShape;
}

export interface ChangesShape {
  readonly items: readonly ChangeShape[];
  readonly headSeq: number;
  readonly hasMore: boolean;
}

export interface SyncShape {
  /** Conversations that moved beyond the given head, with the first page of their changes. */
  readonly items: readonly (ChangesShape & { readonly conversationId: string })[];
  /** Conversations named in the request of which the caller is no member (any more). */
  readonly left: readonly string[];
  /** Conversations of the caller that the request did not name. */
  readonly others: readonly string[];
}

export interface DeliveryShape {
  readonly state: "scheduled" | "delivered" | "expired" | "deleted" | "failed" | "canceled";
  readonly perMember: readonly { readonly user: string; readonly deliveredAt?: string; readonly readAt?: string }[];
  readonly failure?: { readonly code: string };
}

/** One run of a job. */
export interface RunShape {
  readonly job: "sweep" | "clean-up";
  readonly startedAt: string;
  readonly tookMs: number;
  /** Minutes of conversations that were due: with lost or late deadlines (`sweep`), with ends long past (`clean-up`). */
  readonly lookedAt: number;
  /** Messages that were removed for good. */
  readonly purged: number;
  /** How late the oldest of them was. */
  readonly lateByMs: number;
}

export interface NegotiationShape {
  readonly endpoint: string;
  readonly path: string;
  readonly token: string;
  readonly expiresAt: string;
}

/** A lease: the caller counts as present until then, unless renewed. */
export interface PresenceShape {
  readonly until?: string;
  /** How often to renew it. */
  readonly heartbeatSeconds: number;
}

interface EventBase {
  readonly conversationId: string;
  readonly at: string;
}

/** An event that stands in the log: `seq` is its place. */
interface LoggedEvent extends EventBase {
  readonly seq: number;
}

/** Server to client, namespace `/`, one argument each. What removes something carries ids only. */
export interface ServerEvents {
  "message.created": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  /** To the room, with `seq`; to its author alone, without, when it was never delivered. */
  "message.expired": EventBase & { readonly messageId: string; readonly seq?: number; readonly undelivered?: true };
  /** Its author has taken it back. */
  "message.deleted": LoggedEvent & { readonly messageId: string };
  /** To its author alone. `code` stands in docs/errors.md. */
  "message.failed": EventBase & { readonly messageId: string; readonly code: string };
  /** The message with the state of its retention. */
  "retention.requested": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  "retention.retained": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  /** Without the message when it ended with the release. */
  "retention.released": LoggedEvent & { readonly messageId: string; readonly message?: MessageShape };
  /** Not everyone agreed in time; `message.expired` follows. */
  "retention.lapsed": LoggedEvent & { readonly messageId: string };
  "conversation.updated": LoggedEvent;
  /** Passing: not in the log. */
  "receipt.updated": EventBase & ReceiptShape;
  /** Passing: who is writing. True for a few seconds after `at`. */
  typing: EventBase & { readonly user: string };
  /** Passing: who is there. `until`: true no longer than that, unless told again; absent when the user has left. */
  presence: EventBase & { readonly user: string; readonly until?: string };
}

export type ServerEventName = keyof ServerEvents;
