import type { EditMessage } from "../contracts/http.js";
import type { MessageShape } from "../contracts/shapes.js";
import { edit, EDIT_WINDOW_MS } from "../domain/editing.js";
import type { MessageDocument } from "../domain/message.js";
import { DayflyError } from "../errors.js";
import type { Entry, LogStep, Ports, Trace } from "../ports.js";
import { announce } from "./announce.js";
import { requireAuthor } from "./authorship.js";
import { deadlineOf, indexOf, moveExpiry } from "./move-expiry.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { shapeMessage } from "./shaping.js";

/**
 * Gives a delivered text of the caller's other words, and takes every consent to the old ones back: a request is dropped, an
 * agreement is released. Again it changes nothing.
 * @throws conversation-unknown, message-unknown-or-not-yet (also while it is on its way), not-allowed, message-expired,
 * message-deleted, message-edited, edit-too-late
 */
export async function editMessage(
  ports: Ports,
  caller: string,
  conversationId: string,
  messageId: string,
  { text, edits }: EditMessage,
  trace: Trace,
): Promise<MessageShape> {
  for (;;) {
    const { head, document } = await requireAuthor(ports, conversationId, messageId, caller);
    const now = ports.clock.now();
    const editing = edit(document, text, now, edits);
    switch (editing.kind) {
      case "over":
        throw new DayflyError(document.state === "deleted" ? "message-deleted" : "message-expired");
      case "wordless":
        throw new DayflyError("not-allowed", { detail: "Only a text can be changed." });
      case "late":
        throw new DayflyError("edit-too-late", { allowed: { minutes: EDIT_WINDOW_MS / 60_000 } });
      case "changed":
        throw new DayflyError("message-edited", { allowed: { edits: document.edited?.times ?? 0 } });
      case "same":
        return shapeMessage(document, now);
      case "edited":
    }
    if (await write(ports, head, document, editing.document, trace)) return shapeMessage(editing.document, now);
  }
}

/** False when the conversation has moved meanwhile. */
async function write(
  ports: Ports,
  head: LogStep["head"],
  before: MessageDocument,
  document: MessageDocument,
  trace: Trace,
): Promise<boolean> {
  const { conversationId, messageId, seq: messageSeq } = document;
  const isReleased = before.retention?.state === "retained";
  const types = isReleased ? (["retention.released", "message.updated"] as const) : (["message.updated"] as const);
  const at = document.edited?.at ?? new Date(ports.clock.now());
  const entries = types.map((type, n): Entry => ({ seq: head.headSeq + 1 + n, type, messageId, messageSeq, at }));
  if (isReleased) await addDue(ports, document, { moved: true });
  const step: LogStep = {
    head,
    next: { ...head, headSeq: head.headSeq + entries.length },
    entries,
    documentsChanged: [document],
    ...(isReleased
      ? { indexesChanged: [indexOf(document)], ...moveExpiry(document, deadlineOf(before), document.expiresAt) }
      : {}),
    ...(before.retention?.state === "pending" ? { requestsClosed: [{ messageId, seq: messageSeq }] } : {}),
  };
  if (!(await ports.conversations.commit(step))) return false;
  if (isReleased) await scheduleExpiry(ports, document, trace, { moved: true });
  for (const entry of entries) await announce(ports, { conversationId, entry, document }, trace);
  return true;
}
