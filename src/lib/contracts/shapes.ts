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

/** A report of a message; never what the message said. */
export interface ReportShape {
  readonly id: string;
  readonly messageId: string;
  readonly reason: "spam" | "harassment" | "illegal" | "other";
  readonly at: string;
  /** Whether it can be proved later what the message said. */
  readonly hasEvidence: boolean;
}

/** How far the erasing of an account has come, and what was done. */
export interface ErasureShape {
  readonly state: "running" | "done";
  readonly startedAt: string;
  readonly changedAt: string;
  /** Conversations left. */
  readonly conversations: number;
  /** Own texts that were still to be read. */
  readonly messages: number;
  readonly files: number;
  /** Own texts that waited for their time. */
  readonly scheduled: number;
  /** Messages of others that were kept by the caller's consent, too. */
  readonly released: number;
  readonly failures: number;
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

export interface FileShape {
  /** The id of its message, too. */
  readonly id: string;
  /** Empty once the file is deleted or refused: a name is content. */
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  /** `closing`: it is being deleted, and not yet deleted. */
  readonly state: "uploading" | "accepted" | "ready" | "closing" | "deleted" | "rejected";
  readonly deleteWhen: "first-close" | "all-recipients-closed";
  /** Why it was refused (a code of docs/errors.md), or deleted. */
  readonly reason?: string;
}

/** A file that was announced, and how to upload it: one request with exactly these headers, and `Content-Length`. */
export interface UploadShape extends FileShape {
  readonly upload: {
    readonly method: "PUT";
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly expiresAt: string;
  };
}

/** A right to read a file for some minutes, as long as its heartbeats come. */
export interface ViewShape {
  readonly id: string;
  readonly url: string;
  readonly urlExpiresAt: string;
  /** Good for closing this view, where no header can be set: `navigator.sendBeacon`. */
  readonly closeToken: string;
  readonly leaseExpiresAt: string;
  readonly heartbeatSeconds: number;
}

export type HeartbeatShape = Pick<ViewShape, "url" | "urlExpiresAt" | "leaseExpiresAt">;

export interface CloseShape {
  /** `deleted` once the file is gone for certain; until then the caller's view is closed. */
  readonly state: "closed" | "deleted";
  readonly deletedAt?: string;
}

export interface MessageShape {
  readonly id: string;
  readonly conversationId: string;
  /** Its place in the conversation's log; absent before it is delivered. */
  readonly seq?: number;
  readonly author: string;
  readonly kind: "text" | "file";
  readonly text?: string;
  /** How often its author has changed the text, and when last; absent when never. */
  readonly edited?: { readonly times: number; readonly at: string };
  readonly file?: FileShape;
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
  | "message.updated"
  | "message.expired"
  | "message.deleted"
  | "conversation.updated"
  | "retention.requested"
  | "retention.retained"
  | "retention.released"
  | "retention.lapsed"
  | "file.opened"
  | "file.closed"
  | "file.deleted";

export interface ChangeShape {
  readonly seq: number;
  readonly type: ChangeType;
  readonly messageId?: string;
  readonly at: string;
  /** Of `file.opened` and `file.closed`: whose view. */
  readonly user?: string;
  /** Of `file.closed` and `file.deleted`: why. */
  readonly reason?: string;
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
  /** What has happened to it so far, oldest first. */
  readonly events: readonly LifeEventShape[];
  /** Ties it to the traces and logs of the backend. */
  readonly traceId?: string;
}

export type LifeEvent =
  | ChangeType
  | "message.scheduled"
  | "message.accepted"
  | "message.queued"
  | "message.published"
  | "message.publishing-late"
  | "message.acknowledged"
  | "message.read"
  | "message.purged"
  | "message.failed"
  | "message.canceled";

export interface LifeEventShape {
  readonly event: LifeEvent;
  readonly at: string;
  readonly seq?: number;
  /** Whose step it was, where it was one member's. */
  readonly user?: string;
  /** Of a failure: a code of docs/errors.md. */
  readonly code?: string;
}

/** What is kept of a user in one conversation: the own messages, not those of others. */
export interface ExportedConversationShape {
  readonly id: string;
  readonly title?: string;
  readonly joinedAt: string;
  /** When the watermarks moved, and how far. */
  readonly delivered: readonly { readonly seq: number; readonly at: string }[];
  readonly read: readonly { readonly seq: number; readonly at: string }[];
  readonly messages: readonly MessageShape[];
  readonly scheduled: readonly MessageShape[];
}

/** One run of a job. */
export interface RunShape {
  /** `sweep` looks for deadlines, `clean-up` for what is long over, `sweep-files` for files and their blobs. */
  readonly job: "sweep" | "clean-up" | "sweep-files";
  readonly startedAt: string;
  readonly tookMs: number;
  /**
   * Minutes of conversations that were due: with lost or late deadlines (`sweep`), with ends long past (`clean-up`); blobs that
   * belonged to nothing, and files without one (`sweep-files`).
   */
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
  /** W3C trace context of the request that it comes from. */
  readonly traceparent?: string;
}

/** An event that stands in the log: `seq` is its place. */
interface LoggedEvent extends EventBase {
  readonly seq: number;
}

/** Server to client, namespace `/`, one argument each. What removes something carries ids only. */
export interface ServerEvents {
  "message.created": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  /** Its author has changed the text; whoever wanted to keep the old one has not consented to this one. */
  "message.updated": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  /** To the room, with `seq`; to its author alone, without, when it was never delivered. */
  "message.expired": EventBase & { readonly messageId: string; readonly seq?: number; readonly undelivered?: true };
  /** Its author has taken it back. */
  "message.deleted": LoggedEvent & { readonly messageId: string };
  /** To its author alone. `code` stands in docs/errors.md. */
  "message.failed": EventBase & { readonly messageId: string; readonly code: string };
  /** To its author alone: what waits to be sent, new or changed. When it is sent `message.created` comes, or `message.failed`. */
  "scheduled.updated": EventBase & { readonly messageId: string; readonly message: MessageShape };
  "scheduled.canceled": EventBase & { readonly messageId: string };
  /** The message with the state of its retention. */
  "retention.requested": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  "retention.retained": LoggedEvent & { readonly messageId: string; readonly message: MessageShape };
  /** Without the message when it ended with the release. */
  "retention.released": LoggedEvent & { readonly messageId: string; readonly message?: MessageShape };
  /** Not everyone agreed in time; `message.expired` follows. */
  "retention.lapsed": LoggedEvent & { readonly messageId: string };
  "conversation.updated": LoggedEvent;
  "file.opened": LoggedEvent & { readonly messageId: string; readonly user: string };
  "file.closed": LoggedEvent & { readonly messageId: string; readonly user: string; readonly reason: string };
  /** Its storage has confirmed that it is gone. */
  "file.deleted": LoggedEvent & { readonly messageId: string; readonly reason: string };
  /** To its author alone. `code` stands in docs/errors.md. */
  "file.rejected": EventBase & { readonly messageId: string; readonly code: string };
  /** Passing: not in the log. */
  "receipt.updated": EventBase & ReceiptShape;
  /** Passing: who is writing. True for a few seconds after `at`. */
  typing: EventBase & { readonly user: string };
  /** Passing: who is there. `until`: true no longer than that, unless told again; absent when the user has left. */
  presence: EventBase & { readonly user: string; readonly until?: string };
}

export type ServerEventName = keyof ServerEvents;
