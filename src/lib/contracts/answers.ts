/**
 * What clients get, as schemas: the same shapes as in shapes.ts (the compiler compares), for the API's description and for tests
 * that hold every answer against it. Functions do not load this: an answer is made, not parsed.
 */
import { z } from "zod";
import type * as operations from "./operations.js";
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

const file = {
  id,
  name: z.string(),
  size: count,
  contentType: z.string(),
  state: z.enum(["uploading", "accepted", "ready", "closing", "deleted", "rejected"]),
  deleteWhen: z.enum(["first-close", "all-recipients-closed"]),
  reason: z.string().exactOptional(),
};
export const File = z.strictObject(file) satisfies z.ZodType<shapes.FileShape>;

export const Upload = z.strictObject({
  ...file,
  upload: z.strictObject({
    method: z.literal("PUT"),
    url: z.url(),
    headers: z.record(z.string(), z.string()),
    expiresAt: time,
  }),
}) satisfies z.ZodType<shapes.UploadShape>;

const lease = { url: z.url(), urlExpiresAt: time, leaseExpiresAt: time };
export const View = z.strictObject({
  id,
  ...lease,
  closeToken: z.string(),
  heartbeatSeconds: count,
}) satisfies z.ZodType<shapes.ViewShape>;
export const Heartbeat = z.strictObject(lease) satisfies z.ZodType<shapes.HeartbeatShape>;
export const Closed = z.strictObject({
  state: z.enum(["closed", "deleted"]),
  deletedAt: time.exactOptional(),
}) satisfies z.ZodType<shapes.CloseShape>;

export const Message = z.strictObject({
  id,
  conversationId: id,
  seq: count.exactOptional(),
  author: user,
  kind: z.enum(["text", "file"]),
  text: z.string().exactOptional(),
  edited: z.strictObject({ times: z.int().min(1), at: time }).exactOptional(),
  file: File.exactOptional(),
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
  "message.updated",
  "message.expired",
  "message.deleted",
  "conversation.updated",
  "retention.requested",
  "retention.retained",
  "retention.released",
  "retention.lapsed",
  "file.opened",
  "file.closed",
  "file.deleted",
] as const;

const Change = z.strictObject({
  seq: count,
  type: z.enum(LOGGED),
  messageId: id.exactOptional(),
  at: time,
  user: user.exactOptional(),
  reason: z.string().exactOptional(),
  message: Message.exactOptional(),
}) satisfies z.ZodType<shapes.ChangeShape>;

const changes = { items: z.array(Change).readonly(), headSeq: count, hasMore: z.boolean() };
export const ChangePage = z.strictObject(changes) satisfies z.ZodType<shapes.ChangesShape>;

export const SyncAnswer = z.strictObject({
  items: z.array(z.strictObject({ conversationId: id, ...changes })).readonly(),
  left: z.array(id).readonly(),
  others: z.array(id).readonly(),
}) satisfies z.ZodType<shapes.SyncShape>;

const LifeEvents = z
  .array(
    z.strictObject({
      event: z.enum([
        ...LOGGED,
        "message.scheduled",
        "message.accepted",
        "message.queued",
        "message.published",
        "message.publishing-late",
        "message.acknowledged",
        "message.read",
        "message.purged",
        "message.failed",
        "message.canceled",
      ]),
      at: time,
      seq: count.exactOptional(),
      user: user.exactOptional(),
      code: z.string().exactOptional(),
    }) satisfies z.ZodType<shapes.LifeEventShape>,
  )
  .readonly();

export const Delivery = z.strictObject({
  state: z.enum(["scheduled", "delivered", "expired", "deleted", "failed", "canceled"]),
  perMember: z
    .array(z.strictObject({ user, deliveredAt: time.exactOptional(), readAt: time.exactOptional() }))
    .readonly(),
  failure: z.strictObject({ code: z.string() }).exactOptional(),
  events: LifeEvents,
  traceId: z.string().exactOptional(),
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
  job: z.enum(["sweep", "clean-up", "sweep-files"]),
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
  events: LifeEvents.exactOptional(),
  content: z.unknown().optional(),
}) satisfies z.ZodType<operations.FailureShape>;

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
}) satisfies z.ZodType<operations.JobShape>;

export const DryRun = z.strictObject({
  dryRun: z.literal(true),
  found: count,
}) satisfies z.ZodType<operations.DryRunShape>;

export const OperatorMessage = z.strictObject({
  id,
  conversationId: id,
  author: user.exactOptional(),
  state: z.string().exactOptional(),
  traceId: z.string().exactOptional(),
  events: LifeEvents,
  failures: z.array(Failure).readonly(),
}) satisfies z.ZodType<operations.OperatorMessageShape>;

const dependencies = z
  .array(z.strictObject({ name: z.string(), available: z.boolean(), reason: z.string().exactOptional() }))
  .readonly();

export const Status = z.strictObject({
  ready: z.boolean(),
  dependencies,
  at: time,
  failuresParked: count.exactOptional(),
  lastRun: Run.exactOptional(),
  metrics: z
    .array(
      z.strictObject({
        name: z.string(),
        label: z.string().exactOptional(),
        value: z.number().exactOptional(),
        count: count.exactOptional(),
        sum: z.number().exactOptional(),
        max: z.number().exactOptional(),
        p99Below: z.number().exactOptional(),
      }),
    )
    .readonly(),
}) satisfies z.ZodType<operations.StatusShape>;

export const AuditEntry = z.strictObject({
  at: time,
  actor: user,
  action: z.string(),
  target: z.record(z.string(), z.string()),
  outcome: z.string(),
  traceId: z.string().exactOptional(),
}) satisfies z.ZodType<operations.AuditShape>;

const marks = z.array(z.strictObject({ seq: count, at: time })).readonly();
export const ExportedConversation = z.strictObject({
  id,
  title: z.string().exactOptional(),
  joinedAt: time,
  delivered: marks,
  read: marks,
  messages: z.array(Message).readonly(),
  scheduled: z.array(Message).readonly(),
}) satisfies z.ZodType<shapes.ExportedConversationShape>;

const report = {
  id: z.string(),
  messageId: id,
  reason: z.enum(["spam", "harassment", "illegal", "other"]),
  at: time,
  hasEvidence: z.boolean(),
};
export const Report = z.strictObject(report) satisfies z.ZodType<shapes.ReportShape>;
export const OperatorReport = z.strictObject({
  ...report,
  conversationId: id,
  author: user,
  reporter: user,
  kind: z.enum(["text", "file"]),
  sentAt: time,
}) satisfies z.ZodType<operations.OperatorReportShape>;
export const Verified = z.strictObject({ matches: z.boolean() });

export const Erasure = z.strictObject({
  state: z.enum(["running", "done"]),
  startedAt: time,
  changedAt: time,
  conversations: count,
  messages: count,
  files: count,
  scheduled: count,
  released: count,
  failures: count,
}) satisfies z.ZodType<shapes.ErasureShape>;

export const Blocked = z.strictObject({ items: z.array(user).readonly() });

export const Document = z.record(z.string(), z.unknown());
export const Live = z.strictObject({ live: z.literal(true) });
export const Readiness = z.strictObject({
  ready: z.boolean(),
  dependencies,
});

/** RFC 9457, with a stable `code`. */
export const Problem = z.strictObject({
  type: z.url(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().exactOptional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).exactOptional(),
  allowed: z.record(z.string(), z.unknown()).exactOptional(),
  traceId: z.string().exactOptional(),
  retryable: z.boolean(),
});

const base = { conversationId: id, at: time, traceparent: z.string().exactOptional() };
const logged = { ...base, seq: z.int().min(1) };
const about = { ...logged, messageId: id };
const withMessage = z.strictObject({ ...about, message: Message });

/** The one argument of each event; docs/client.md says what to do with them. */
export const EVENTS = {
  "message.created": withMessage,
  "message.updated": withMessage,
  "message.expired": z.strictObject({
    ...base,
    messageId: id,
    seq: count.exactOptional(),
    undelivered: z.literal(true).exactOptional(),
  }),
  "message.deleted": z.strictObject(about),
  "message.failed": z.strictObject({ ...base, messageId: id, code: z.string() }),
  "scheduled.updated": z.strictObject({ ...base, messageId: id, message: Message }),
  "scheduled.canceled": z.strictObject({ ...base, messageId: id }),
  "retention.requested": withMessage,
  "retention.retained": withMessage,
  "retention.released": z.strictObject({ ...about, message: Message.exactOptional() }),
  "retention.lapsed": z.strictObject(about),
  "conversation.updated": z.strictObject(logged),
  "file.opened": z.strictObject({ ...about, user }),
  "file.closed": z.strictObject({ ...about, user, reason: z.string() }),
  "file.deleted": z.strictObject({ ...about, reason: z.string() }),
  "file.rejected": z.strictObject({ ...base, messageId: id, code: z.string() }),
  "receipt.updated": z.strictObject({ ...base, user, deliveredSeq: count, readSeq: count }),
  typing: z.strictObject({ ...base, user }),
  presence: z.strictObject({ ...base, user, until: time.exactOptional() }),
} satisfies { readonly [Name in shapes.ServerEventName]: z.ZodType<shapes.ServerEvents[Name]> };
