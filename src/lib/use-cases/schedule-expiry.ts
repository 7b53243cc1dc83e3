import { bucketFiresAt, mayMissBucket, minuteOf } from "../domain/deadline.js";
import type { MessageDocument } from "../domain/message.js";
import type { Ports, Trace } from "../ports.js";

export type Ending = Pick<MessageDocument, "conversationId" | "messageId" | "expiresAt">;

/**
 * The deadline that ends texts: one for all of a conversation's minute, and for one that is almost over one of its own as well,
 * because its minute's may have fired already.
 */
interface Bucket {
  readonly minute: string;
  readonly key: string;
  readonly isOwn: boolean;
}

function bucketOf({ conversationId, messageId, expiresAt }: Ending, now: number): Bucket {
  const minute = minuteOf(expiresAt);
  const isOwn = mayMissBucket(expiresAt, now);
  return { minute, isOwn, key: `expire:${conversationId}:${minute}${isOwn ? `:${messageId}` : ""}` };
}

interface Options {
  /** The end was moved: that this process has set the minute's deadline before says nothing, for it may have fired since. */
  readonly moved?: boolean;
}

/** The row by which a sweeper finds the deadline. Comes before what it is for. */
export async function addDue(ports: Ports, ending: Ending, { moved = false }: Options = {}): Promise<void> {
  const { minute, key } = bucketOf(ending, ports.clock.now());
  // With its deadline scheduled, which comes last, the row of the conversation's minute is there.
  if (moved || !ports.recent.has(key)) await ports.dues.add(minute, ending.conversationId);
}

/** Schedules the deadline, unless this process has done so lately. */
export async function scheduleExpiry(
  ports: Ports,
  ending: Ending,
  trace: Trace,
  { moved = false }: Options = {},
): Promise<void> {
  const { conversationId: conversation, messageId: message } = ending;
  const { minute, key, isOwn } = bucketOf(ending, ports.clock.now());
  if (!moved && ports.recent.has(key)) return;
  await ports.queues.scheduleDeadline(
    { v: 1, kind: "expire", conversation, minute, ...(isOwn ? { message } : {}) },
    bucketFiresAt(minute),
    key,
    trace,
  );
  ports.recent.add(key);
}
