/**
 * What clients get, as schemas: the same shapes as in shapes.ts (the compiler compares), for the API's description and for tests
 * that hold every answer against it. Functions do not load this: an answer is made, not parsed.
 */
import { z } from "zod";
import type { DryRunShape, FailureShape, JobShape } from "./operations.js";
import type * as shapes from "./shapes.js";

const time = z.iso.datetime();
const id = z.uuid();
const user = z.string();
const count = z.int().min(0);

const Receipt = z.strictObject({ user, deliveredSeq: count, readSeq: count });

export const Conversation = z.strictObject({
  id,
  title: z.string().exactOptional(),
  members: z.array(user).readonly(),
  createdAt: time,
  headSeq: count,
  joinedSeq: count,
  lastMessageAt: time.exactOptional(),
  unread: count,
  receipts: z.array(Receipt).readonly(),
}) satisfies z.ZodType<shapes.ConversationShape>;

const Retention = z.strictObject({
  state: z.enum(["none", "pending", "retained", "released", "lapsed"]),
  required: z.array(user).readonly(),
  consents: z.array(z.strictObject({ user, at: time })).readonly(),
  until: time.exactOptional(),
}) satisfies z.ZodType<shapes.RetentionShape>;

export const Message = z.strictObject({
  id,
  conversationId: id,
  seq: count.exactOptional(),
  author: user,
  kind: z.enum(["text", "file"]),
  text: z.string().exactOptional(),
  replyTo: id.exactOptional(),
  sentAt: time,
  expiresAt: time,
  expiresInMs: count,
  state: z.enum(["scheduled", "accepted", "delivered", "expired", "deleted", "failed", "canceled"]),
  sendAt: time.exactOptional(),
  retention: Retention,
}) satisfies z.ZodType<shapes.MessageShape>;

export const page = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ items: z.array(item).readonly(), nextCursor: z.string().exactOptional() });

const LOGGED = [
  "message.created",
  "message.expired",
  "message.deleted",
  "conversation.updated",
  "retention.requested",
  "retention.retained",
  "retention.released",
  "retention.lapsed",
] as const;

const Change = z.strictObject({
  seq: count,
  type: z.enum(LOGGED),
  messageId: id.exactOptional(),
  at: time,
  message: Message.exactOptional(),
}) satisfies z.ZodType<shapes.ChangeShape>;

const changes = { items: z.array(Change).readonly(), headSeq: count, hasMore: z.boolean() };
export const ChangePage = z.strictObject(changes) satisfies z.ZodType<shapes.ChangesShape>;

export const SyncAnswer = z.strictObject({
  items: z.array(z.strictObject({ conversationId: id, ...changes })).readonly(),
  left: z.array(id).readonly(),
  others: z.array(id).readonly(),
}) satisfies z.ZodType<shapes.SyncShape>;

export const Delivery = z.strictObject({
  state: z.enum(["scheduled", "delivered", "expired", "deleted", "failed", "canceled"]),
  perMember: z
    .array(z.strictObject({ user, deliveredAt: time.exactOptional(), readAt: time.exactOptional() }))
    .readonly(),
  failure: z.strictObject({ code: z.string() }).exactOptional(),
}) satisfies z.ZodType<shapes.DeliveryShape>;

export const ConsentResults = z.strictObject({
  items: z
    .array(
      z.strictObject({
        messageId: id,
        seq: count,
        retention: Retention.exactOptional(),
        code: z.string().exactOptional(),
      }) satisfies z.ZodType<shapes.ConsentResultShape>,
    )
    .readonly(),
});

export const Negotiation = z.strictObject({
  endpoint: z.url(),
  path: z.string(),
  token: z.string(),
  expiresAt: time,
}) satisfies z.ZodType<shapes.NegotiationShape>;

export const Joined = z.strictObject({ conversations: z.array(id).readonly() });

export const PresenceLease = z.strictObject({
  until: time.exactOptional(),
  heartbeatSeconds: count,
}) satisfies z.ZodType<shapes.PresenceShape>;

export const Run = z.strictObject({
  job: z.enum(["sweep", "clean-up"]),
  startedAt: time,
  tookMs: count,
  lookedAt: count,
  purged: count,
  lateByMs: z.int(),
}) satisfies z.ZodType<shapes.RunShape>;

export const Failure = z.strictObject({
  id: z.string(),
  queue: z.string(),
  reason: z.string(),
  detail: z.string(),
  messageId: z.string().exactOptional(),
  conversationId: z.string().exactOptional(),
  state: z.enum(["parked", "redriven", "discarded", "expired"]),
  stateAt: time,
  at: time,
  lastAt: time,
  attempts: count,
  redrives: count,
  endsAt: time,
  isTransient: z.boolean(),
  traceId: z.string().exactOptional(),
  content: z.unknown().optional(),
}) satisfies z.ZodType<FailureShape>;

export const Job = z.strictObject({
  id,
  kind: z.string(),
  by: user,
  state: z.enum(["running", "done"]),
  createdAt: time,
  changedAt: time,
  found: count,
  done: count,
  refused: z.record(z.string(), count),
}) satisfies z.ZodType<JobShape>;

export const DryRun = z.strictObject({ dryRun: z.literal(true), found: count }) satisfies z.ZodType<DryRunShape>;

export const Document = z.record(z.string(), z.unknown());
export const Live = z.strictObject({ live: z.literal(true) });
export const Readiness = z.strictObject({
  ready: z.boolean(),
  dependencies: z.array(z.strictObject({ name: z.string(), available: z.boolean() })).readonly(),
});

/** RFC 9457, with a stable `code`. */
export const Problem = z.strictObject({
  type: z.url(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().exactOptional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).exactOptional(),
  traceId: z.string().exactOptional(),
  retryable: z.boolean(),
});

const base = { conversationId: id, at: time };
const logged = { ...base, seq: z.int().min(1) };
const about = { ...logged, messageId: id };
const withMessage = z.strictObject({ ...about, message: Message });

/** The one argument of each event; docs/client.md says what to do with them. */
export const EVENTS = {
  "message.created": withMessage,
  "message.expired": z.strictObject({
    ...base,
    messageId: id,
    seq: count.exactOptional(),
    undelivered: z.literal(true).exactOptional(),
  }),
  "message.deleted": z.strictObject(about),
  "message.failed": z.strictObject({ ...base, messageId: id, code: z.string() }),
  "retention.requested": withMessage,
  "retention.retained": withMessage,
  "retention.released": z.strictObject({ ...about, message: Message.exactOptional() }),
  "retention.lapsed": z.strictObject(about),
  "conversation.updated": z.strictObject(logged),
  "receipt.updated": z.strictObject({ ...base, user, deliveredSeq: count, readSeq: count }),
  typing: z.strictObject({ ...base, user }),
  presence: z.strictObject({ ...base, user, until: time.exactOptional() }),
} satisfies { readonly [Name in shapes.ServerEventName]: z.ZodType<shapes.ServerEvents[Name]> };
