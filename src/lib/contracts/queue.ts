/**
 * What crosses a queue: one versioned envelope per queue.
 *
 * No field is named like a Service Bus property (`messageId`, `to`, `subject`, `sessionId`, `contentType` …): the Functions host
 * copies the fields of a JSON body over the message's own properties (azure-webjobs-sdk, Utility.ApplyBindingData).
 */
import { z } from "zod";
import { MAX_TEXT_BYTES } from "../domain/message.js";
import { id, seq, user } from "./fields.js";

const time = z.iso.datetime();

/** `text-messages`. The text is here and in its document, nowhere else; session = conversation, TTL = until `endsAt`. */
export const TextEnvelope = z.object({
  v: z.literal(1),
  id,
  conversation: id,
  author: user,
  text: z.string().refine((value) => new TextEncoder().encode(value).length <= MAX_TEXT_BYTES, {
    error: `must be at most ${MAX_TEXT_BYTES} bytes of UTF-8`,
  }),
  /** The id of the message that this one replies to. */
  quote: id.optional(),
  sentAt: time,
  /** When the text expires. */
  endsAt: time,
  /** Of a scheduled text, which version of it this is: what does not match its row is dropped. */
  schedule: z.int().min(1).optional(),
  /** 1 for the first send; one more each time that it is sent again, from the dead-letter queue or as a failure. */
  attempt: z.int().min(1),
  /** It has failed before, and was sent again: that its id is known as failed does not end it. */
  redriven: z.literal(true).optional(),
});
export type TextEnvelope = z.infer<typeof TextEnvelope>;

/** What of a text that breaks its contract may still be told to its sender. */
export const TextOrigin = z.object({
  id,
  conversation: id,
  author: user,
  sentAt: time.optional().catch(undefined),
  endsAt: time.optional().catch(undefined),
  schedule: z.int().min(1).optional().catch(undefined),
});
export type TextOrigin = z.infer<typeof TextOrigin>;

/** `retained-messages`: a text that everyone has agreed to keep. Ids only; the handler reads what is true. */
export const RetainedEnvelope = z.object({
  v: z.literal(1),
  conversation: id,
  message: id,
  /** The `seq` of the message: where its document is. */
  seq,
  /** Which agreement. */
  version: z.int().min(1),
});
export type RetainedEnvelope = z.infer<typeof RetainedEnvelope>;

/** `file-messages`: a file that is complete and checked. Session = conversation, TTL = until `endsAt`. */
export const FileEnvelope = z.object({
  v: z.literal(1),
  /** The id of the file and of its message. */
  id,
  conversation: id,
  author: user,
  /** The file's address in this API. Whoever opens it there gets a URL of their own: none is ever in a queue. */
  url: z.string(),
  endsAt: time,
  /** 1 for the first send; one more each time that it is sent again: for its scan, or out of the dead-letter queue. */
  attempt: z.int().min(1),
});
export type FileEnvelope = z.infer<typeof FileEnvelope>;

/** `url-closed`: a reader has closed a file, or has gone. Ids only; the handler reads what is true. */
export const ClosedEnvelope = z.object({
  v: z.literal(1),
  conversation: id,
  file: id,
  /** The view that ended; absent when a member has left. */
  view: id.optional(),
});
export type ClosedEnvelope = z.infer<typeof ClosedEnvelope>;

/** `deadlines`. Never cancelled: the handler reads the rows again and does what is true then. */
export const DeadlineEnvelope = z.discriminatedUnion("kind", [
  /** The texts of a conversation that expire in this minute; `message` names one whose bucket may have fired already. */
  z.object({
    v: z.literal(1),
    kind: z.literal("expire"),
    conversation: id,
    minute: z.string().regex(/^\d{12}$/),
    message: id.optional(),
  }),
  /** A member who is gone: take the sockets out once more, for a join may have overlapped. */
  z.object({ v: z.literal(1), kind: z.literal("evict"), conversation: id, user }),
  /** What the sweeper has found overdue: whatever of this minute was missed. */
  z.object({ v: z.literal(1), kind: z.literal("overdue"), conversation: id, minute: z.string().regex(/^\d{12}$/) }),
  /** A reader of whom nothing may have been heard: end the view, or look again when its lease ends. */
  z.object({ v: z.literal(1), kind: z.literal("lease"), conversation: id, file: id, view: id }),
  /** A log entry whose event could not be published. */
  z.object({ v: z.literal(1), kind: z.literal("announce"), conversation: id, seq, tries: z.int().min(1) }),
  /** What follows from a block. */
  z.object({ v: z.literal(1), kind: z.literal("block"), user, blocked: user }),
  /** The next step of erasing an account. */
  z.object({ v: z.literal(1), kind: z.literal("erase"), user, step: z.int().min(1) }),
  /** Has everybody acknowledged this message? If not, the app's push service is told. */
  z.object({ v: z.literal(1), kind: z.literal("hook"), conversation: id, seq, tries: z.int().min(1) }),
  /** The next step of a job that somebody has asked for. */
  z.object({ v: z.literal(1), kind: z.literal("job"), job: id }),
]);
export type DeadlineEnvelope = z.infer<typeof DeadlineEnvelope>;

/** `failed-messages`: what could not be processed, as it was, with the reason. Parked for an operator. */
export const FailureEnvelope = z.object({
  v: z.literal(1),
  /** The same for the same failure, so that telling it twice is one. */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  queue: z.string(),
  /** A code of the error catalogue. */
  reason: z.string(),
  detail: z.string(),
  at: time,
  attempts: z.int().min(1),
  /** When the message's time is over. */
  endsAt: time,
  conversation: id.optional(),
  message: id.optional(),
  author: user.optional(),
  /** The message's body as it came. */
  original: z.unknown(),
});
export type FailureEnvelope = z.infer<typeof FailureEnvelope>;
