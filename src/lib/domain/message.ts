/** A message's life: how long it lasts, who may still read it, what becomes of one that arrives. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** What a deployment allows at most, and what is assumed of a text that does not say. */
export const MAX_TEXT_LIFETIME_MS = 24 * HOUR_MS;

/** A text is at most this long: in Unicode code points, for people, and in UTF-8 bytes, for the table row and the queue. */
export const MAX_TEXT_CHARACTERS = 4_000;
export const MAX_TEXT_BYTES = 8_192;

/** A text that keeps arriving at the dead-letter queue alive is sent again this often before it is a failure. */
export const MAX_ATTEMPTS = 5;

/** What identifies a text and says what it is; the same on every retry. */
export interface Text {
  readonly conversationId: string;
  readonly messageId: string;
  readonly author: string;
  readonly text: string;
  readonly replyTo?: string | undefined;
}

/** One member's wish to keep one message. */
export interface Consent {
  readonly user: string;
  readonly at: Date;
}

/** How far keeping a message by everyone's consent has come; retention.ts has the rules. */
export interface Retention {
  readonly state: "none" | "pending" | "retained" | "released";
  /** How many agreements and releases there have been: what belongs to an older one is stale. */
  readonly version: number;
  readonly required: readonly string[];
  readonly consents: readonly Consent[];
  /** When the text would end, had nobody agreed; its `expiresAt` is later while it is retained. */
  readonly endsAt: Date;
  /** The log entry that tells of the agreement; with it, the new deadline is armed. */
  readonly movedSeq?: number;
}

/** What a message of a file says of it. */
export interface AttachedFile {
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  /** When it goes: with the first reader who closes it, or with the last. */
  readonly deleteWhen: "first-close" | "all-recipients-closed";
}

/** The current state of one delivered message. `text`, or `file`, is gone once it has been purged. */
export interface MessageDocument {
  readonly conversationId: string;
  readonly messageId: string;
  readonly seq: number;
  readonly author: string;
  readonly text?: string;
  /** How often its author has changed the text, and when last. */
  readonly edited?: { readonly times: number; readonly at: Date };
  readonly file?: AttachedFile;
  readonly replyTo?: string;
  readonly sentAt: Date;
  /** When it ends; later than at first while it is retained. */
  readonly expiresAt: Date;
  /** `deleted`: a text that its author has taken back; a file that its readers have closed, or whose time is over. */
  readonly state: "delivered" | "expired" | "deleted";
  readonly retention?: Retention;
  /** Of the request that it came with. */
  readonly traceId?: string;
  /** A keyed hash of what it said, which outlives that: see evidence.ts. */
  readonly proof?: string;
}

/** Where a message id leads: to its document, or to how it ended without ever having one. */
export interface MessageIndex {
  readonly messageId: string;
  readonly author: string;
  readonly state: "delivered" | "expired" | "deleted" | "failed" | "canceled";
  /** Absent when the message was never delivered. */
  readonly seq?: number;
  readonly at: Date;
  readonly expiresAt: Date;
  /** For `failed`: a code of the error catalogue. */
  readonly failure?: string;
  readonly traceId?: string;
  /** When its event was published, if that was late; `pending` before. */
  readonly published?: Date | "pending";
}

export interface Expiring {
  readonly expiresAt: Date;
}

/** At `expiresAt` exactly a message is over: expiry wins every tie. */
export const isOver = (message: Expiring, now: number): boolean => now >= message.expiresAt.getTime();

/** Milliseconds of life left, never negative. */
export const timeLeft = (message: Expiring, now: number): number => Math.max(0, message.expiresAt.getTime() - now);

/** Every read path asks this, so that a late deadline never shows an expired text. */
export function isReadable(document: MessageDocument, joinedSeq: number, now: number): boolean {
  return document.state === "delivered" && document.seq > joinedSeq && !isOver(document, now);
}

/**
 * Whether a text is the one that a document or a retry stands for. What an edited one said at first nobody knows any more: then
 * author and id decide.
 */
export const isSameText = (
  a: Pick<Text, "author" | "text" | "replyTo">,
  b: Omit<MessageDocument, "text"> & { text?: string },
): boolean =>
  a.author === b.author &&
  (b.edited !== undefined || a.text === b.text) &&
  (a.replyTo ?? undefined) === (b.replyTo ?? undefined);

export type Arrival =
  /** First arrival, or the first after it had failed: write it. */
  | { readonly kind: "record" }
  /** Written before, by this or another run: only what follows the write is to be repeated. */
  | { readonly kind: "repeat"; readonly document: MessageDocument }
  /** Its life is over, or it has ended before: tell its sender, show nobody. */
  | { readonly kind: "expired" }
  | { readonly kind: "ended" }
  | { readonly kind: "failed"; readonly code: "message-id-taken" };

/** What to do with a text that came through the queue, given what the conversation knows of its id. */
export function decideArrival(
  text: Text & Expiring & { readonly isRedriven?: boolean },
  known: { readonly index?: MessageIndex | undefined; readonly document?: MessageDocument | undefined },
  now: number,
): Arrival {
  const { index, document } = known;
  if (index === undefined) return isOver(text, now) ? { kind: "expired" } : { kind: "record" };
  if (index.author !== text.author) return { kind: "failed", code: "message-id-taken" };
  if (index.state === "failed" && text.isRedriven === true) return { kind: isOver(text, now) ? "expired" : "record" };
  if (index.state !== "delivered" || document?.state !== "delivered") return { kind: "ended" };
  return isSameText(text, document) ? { kind: "repeat", document } : { kind: "failed", code: "message-id-taken" };
}

export type Revival = "expired" | "again" | "failed";

/**
 * What to do with a text found in the dead-letter queue. The body's own `expiresAt` decides, never the broker's reason: one
 * expired message can take its whole session along (learn.microsoft.com, message-sessions).
 */
export function decideRevival(text: Expiring & { readonly attempt: number }, now: number): Revival {
  if (isOver(text, now)) return "expired";
  return text.attempt >= MAX_ATTEMPTS ? "failed" : "again";
}
