/** What clients send. Unknown fields are ignored, so that a newer client can talk to an older server. */
import { z } from "zod";
import { MAX_MEMBERS } from "../domain/conversation.js";
import { id, seq, sha256, text, user } from "./fields.js";

export const CreateConversation = z.object({
  id: id.optional(),
  title: z
    .string({ error: "must be a string" })
    .min(1, { error: "must not be empty" })
    .max(200, { error: "must be at most 200 characters" })
    // eslint-disable-next-line no-control-regex -- a title is one line
    .refine((value) => !/[\u0000-\u001f\u007f-\u009f]|\p{Surrogate}/u.test(value), {
      error: "must not have control characters or half a surrogate pair",
    })
    .optional(),
  members: z
    .array(user, { error: "must be a list of user ids" })
    .min(1, { error: "must name at least one other member" })
    .max(MAX_MEMBERS, { error: `must name at most ${MAX_MEMBERS} members` })
    .refine((members) => new Set(members).size === members.length, { error: "must not name a member twice" }),
});
export type CreateConversation = z.infer<typeof CreateConversation>;

const time = z.iso
  .datetime({ offset: true, error: "must be a time in ISO 8601 with its offset, like 2026-11-24T08:00:00Z" })
  .transform((value) => new Date(value));

export const SendMessage = z.object({
  id: id.optional(),
  text,
  replyTo: id.optional(),
  sendAt: time.optional(),
});
export type SendMessage = z.infer<typeof SendMessage>;

export const ChangeScheduled = z
  .object({ text: text.optional(), sendAt: time.optional() })
  .refine((change) => change.text !== undefined || change.sendAt !== undefined, { error: "must have text or sendAt" });
export type ChangeScheduled = z.infer<typeof ChangeScheduled>;

/** How often a text has been changed, as far as the caller has seen. */
const edits = z
  .int({ error: "must be a whole number" })
  .min(0, { error: "must not be negative" })
  .max(1_000_000, { error: "must be at most 1000000" })
  .optional();

export const EditMessage = z.object({ text, edits });
export type EditMessage = z.infer<typeof EditMessage>;

export const GiveConsent = z.object({ edits });
export type GiveConsent = z.infer<typeof GiveConsent>;

/** `type/subtype` with parameters (RFC 9110, section 8.3.1). */
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,128}(\s*;[\x20-\x7e]*)?$/;

export const CreateFile = z.object({
  id: id.optional(),
  name: z
    .string({ error: "must be a string" })
    .min(1, { error: "must not be empty" })
    .max(255, { error: "must be at most 255 characters" })
    // eslint-disable-next-line no-control-regex -- a name is one line, and no path
    .refine((value) => !/[\u0000-\u001f\u007f-\u009f/\\]|\p{Surrogate}/u.test(value), {
      error: "must not have slashes, control characters or half a surrogate pair",
    }),
  size: z.int({ error: "must be a whole number of bytes" }).min(1, { error: "must be at least 1" }),
  contentType: z
    .string({ error: "must be a string" })
    .max(200, { error: "must be at most 200 characters" })
    .regex(MEDIA_TYPE, { error: "must be a media type, like image/png" }),
  sha256: sha256.optional(),
  deleteWhen: z
    .enum(["first-close", "all-recipients-closed"], { error: "must be first-close or all-recipients-closed" })
    .optional(),
});
export type CreateFile = z.infer<typeof CreateFile>;

/** A Socket.IO id is 20 characters of base64url; the bound only keeps a filter from becoming a book. */
const socketId = z
  .string({ error: "must be a string" })
  .regex(/^[\w-]{1,64}$/, { error: "must be a Socket.IO socket id" });

/** `text`, or of a file `sha256`, is the reporter's copy: it is compared and not kept. */
export const ReportMessage = z.object({
  reason: z.enum(["spam", "harassment", "illegal", "other"], {
    error: "must be spam, harassment, illegal or other",
  }),
  text: z
    .string({ error: "must be a string" })
    .max(4 * 4_000, { error: "must be a text" })
    .optional(),
  sha256: sha256.optional(),
});
export type ReportMessage = z.infer<typeof ReportMessage>;

/** Of opening a view and of its heartbeats: the socket whose end starts the view's grace. */
export const Viewing = z.object({ socketId: socketId.optional() });
export type Viewing = z.infer<typeof Viewing>;

export const IdempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,64}$/, { error: "must be 1 to 64 printable ASCII characters" })
  .optional();

export const CloseView = z.object({
  closeToken: z.string({ error: "must be a string" }).max(100, { error: "must be at most 100 characters" }).optional(),
  reason: z.enum(["closed", "navigated"], { error: "must be closed or navigated" }).optional(),
});
export type CloseView = z.infer<typeof CloseView>;

/** The argument of the Socket.IO event `file.close`. */
export const FileClose = z.object({ conversationId: id, fileId: id, viewId: id }).and(CloseView);
export type FileClose = z.infer<typeof FileClose>;

export const Receipts = z
  .object({ deliveredSeq: seq.optional(), readSeq: seq.optional() })
  .refine((marks) => marks.deliveredSeq !== undefined || marks.readSeq !== undefined, {
    error: "must have deliveredSeq or readSeq",
  });
export type Receipts = z.infer<typeof Receipts>;

export const Presence = z.object({
  state: z.enum(["here", "away"], { error: 'must be "here" or "away"' }),
});
export type Presence = z.infer<typeof Presence>;

/** At most this many messages in one request. */
const MAX_CONSENTS = 100;
export const Consents = z
  .object({ fromSeq: seq, toSeq: seq })
  .refine(({ fromSeq, toSeq }) => toSeq >= fromSeq, { path: ["toSeq"], error: "must not be below fromSeq" })
  .refine(({ fromSeq, toSeq }) => toSeq - fromSeq < MAX_CONSENTS, {
    path: ["toSeq"],
    error: `must be less than ${MAX_CONSENTS} above fromSeq`,
  });
export type Consents = z.infer<typeof Consents>;

const MAX_HEADS = 100;
export const Sync = z.object({
  heads: z
    .record(id, seq, { error: "must be an object of conversation ids and seqs" })
    .refine((heads) => Object.keys(heads).length <= MAX_HEADS, {
      error: `must name at most ${MAX_HEADS} conversations`,
    }),
});
export type Sync = z.infer<typeof Sync>;

export const Join = z.object({ socketId });
export type Join = z.infer<typeof Join>;

const wholeNumber = z
  .string()
  .regex(/^\d{1,12}$/, { error: "must be a whole number" })
  .transform(Number);
const limit = (most: number) =>
  wholeNumber
    .pipe(
      z
        .number()
        .min(1, { error: "must be at least 1" })
        .max(most, { error: `must be at most ${most}` }),
    )
    .optional();

export const Page = z.object({
  limit: limit(100),
  cursor: z.string().max(400, { error: "must be at most 400 characters" }).optional(),
});
export type Page = z.infer<typeof Page>;

export const Changes = z.object({ after: wholeNumber.optional(), limit: limit(100) });
export type Changes = z.infer<typeof Changes>;

export const ConversationPath = z.object({ conversation: id });
export const MessagePath = z.object({ conversation: id, message: id });
export const UserPath = z.object({ user });
export const MemberPath = z.object({ conversation: id, user });
export const FilePath = z.object({ conversation: id, file: id });
export const ViewPath = z.object({ conversation: id, file: id, view: id });
