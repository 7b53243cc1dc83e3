import { minuteOf } from "../domain/deadline.js";
import { isOver } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";
import { announce } from "./announce.js";
import { requireAuthor } from "./authorship.js";
import { endMessages } from "./end-messages.js";
import { deadlineOf } from "./move-expiry.js";
import { noteEnd } from "./note-end.js";
import { settleFile } from "./settle-file.js";
import { startDeletion } from "./start-deletion.js";

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
    const { head, document } = await requireAuthor(ports, conversationId, messageId, caller);
    if (document.state === "deleted") return;
    const now = ports.clock.now();
    if (document.state === "expired" || isOver(document, now)) throw new DayflyError("message-expired");

    if (document.file !== undefined) {
      if (!(await unsendFile(ports, conversationId, messageId))) continue;
      await settleFile(ports, conversationId, messageId, trace);
      return;
    }
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

/** Its bytes are deleted as those of any other file that is over. False when it has changed meanwhile. */
async function unsendFile(ports: Ports, conversationId: string, fileId: string): Promise<boolean> {
  const file = await ports.conversations.file(conversationId, fileId);
  if (file?.state !== "ready") return file?.state === "closing";
  return startDeletion(ports, file, "unsent");
}
