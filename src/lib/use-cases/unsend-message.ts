import { minuteOf } from "../domain/deadline.js";
import { isOver, type MessageDocument } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";
import { announce } from "./announce.js";
import { endMessages } from "./end-messages.js";
import { requireMember } from "./membership.js";
import { noteEnd } from "./note-end.js";

/**
 * Takes a delivered message back: its content goes for everyone, also when all had agreed to keep it, for what somebody wrote is
 * theirs. Again it changes nothing. Whoever reads it first has read it.
 * @throws conversation-unknown, message-unknown-or-not-yet (also while it is on its way), message-expired, not-allowed
 */
export async function unsendMessage(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  trace: Trace,
): Promise<void> {
  for (;;) {
    const { head, member } = await requireMember(ports, conversationId, caller);
    const { index } = await ports.conversations.look(conversationId, { messageId, headless: true });
    const document =
      index?.seq === undefined || index.seq <= member.joinedSeq
        ? undefined
        : await ports.conversations.document(conversationId, index.seq);
    if (document === undefined) throw new DayflyError("message-unknown-or-not-yet");
    if (document.author !== caller) throw new DayflyError("not-allowed");
    if (document.state === "deleted") return;
    const now = ports.clock.now();
    if (document.state === "expired" || isOver(document, now)) throw new DayflyError("message-expired");

    const at = new Date(now);
    const { entries, ...rows } = endMessages([document], head.headSeq, at, "deleted");
    await noteEnd(ports, conversationId, at);
    const step = {
      head,
      next: { ...head, headSeq: head.headSeq + entries.length },
      entries,
      ...rows,
      expiriesMet: [{ minute: minuteOf(deadlineOf(document)), messageId, seq: document.seq }],
    };
    if (!(await ports.conversations.commit(step))) continue;
    for (const entry of entries) await announce(ports, { conversationId, entry }, trace);
    return;
  }
}

/** Where its deadline looks for it: an agreement that is not moved yet still lies where the text would have ended. */
const deadlineOf = ({ expiresAt, retention }: MessageDocument): Date =>
  retention?.state === "retained" && retention.movedSeq === undefined ? retention.endsAt : expiresAt;
