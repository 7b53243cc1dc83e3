/** Telling an app's push service of those who have not heard of a message: ids only, through the queue of deadlines. */
import { deliveredSeq } from "../domain/conversation.js";
import { isOver, type MessageDocument } from "../domain/message.js";
import type { Ports, Trace } from "../ports.js";

const FIRST_DELAY_MS = 10_000;
const LONGEST_DELAY_MS = 3_600_000;
/** About half a day of trying. */
const MOST_TRIES = 20;

type Message = Pick<MessageDocument, "conversationId" | "seq">;

/** Looks in a while whether everybody has acknowledged the message. Nothing when no hook is set. */
export async function tellLater(ports: Ports, message: Message, trace: Trace, tries = 1): Promise<void> {
  const { hook, policy, clock } = ports;
  if (hook === undefined) return;
  const { conversationId: conversation, seq } = message;
  const delay =
    tries === 1 ? policy.hookAfterMs : Math.min(FIRST_DELAY_MS * 2 ** Math.min(tries - 2, 10), LONGEST_DELAY_MS);
  await ports.queues.scheduleDeadline(
    { v: 1, kind: "hook", conversation, seq, tries },
    new Date(clock.now() + delay),
    `hook:${conversation}:${String(seq)}:${String(tries)}`,
    trace,
  );
}

/**
 * Tells the hook of a message's recipients who have not acknowledged it, or plans to try again. At least once: the id is the same
 * each time, and whoever has acknowledged it meanwhile is not named again.
 * @returns how many users it told of
 */
export async function tellWaiting(
  ports: Ports,
  { conversationId, seq }: Message,
  trace: Trace,
  tries: number,
): Promise<number> {
  const found = await ports.conversations.load(conversationId);
  const document = await ports.conversations.document(conversationId, seq);
  // What is over, or was taken back, nobody waits for.
  if (ports.hook === undefined || found === undefined || document?.state !== "delivered") return 0;
  if (isOver(document, ports.clock.now())) return 0;
  const { messageId, author, expiresAt } = document;
  const users = found.members
    .filter((member) => member.user !== author && member.joinedSeq < seq && deliveredSeq(member) < seq)
    .map(({ user }) => user);
  if (users.length === 0) return 0;
  const notice = { conversationId, messageId, seq, author, users, expiresAt: expiresAt.toISOString() };
  const answer = await ports.hook.tell(`message-${messageId}-${String(seq)}`, notice);
  ports.metrics.count(answer === "taken" ? "dayfly_hook_told_total" : "dayfly_hook_failed_total");
  if (answer === "later" && tries < MOST_TRIES) await tellLater(ports, { conversationId, seq }, trace, tries + 1);
  return answer === "taken" ? users.length : 0;
}
