/** What follows when readers close a file or leave: the log tells of it, and when the rule says so the file is deleted. */
import { ClosedEnvelope } from "../contracts/queue.js";
import { minuteOf } from "../domain/deadline.js";
import {
  closeStale,
  confirmDeleted,
  dueForDeletionAt,
  fateOf,
  recipientsOf,
  startDeleting,
  unlogged,
  withAllLogged,
  type FileState,
  type StoredFile,
} from "../domain/file.js";
import type { MessageDocument } from "../domain/message.js";
import type { Entry, LogStep, Ports, Trace, Versioned } from "../ports.js";
import { announce } from "./announce.js";
import { clearStaging } from "./end-upload.js";
import { noteEnd } from "./note-end.js";
import { commanded, parkDeadCommand, type CommandCall, type CommandQueue } from "./park-command.js";
import { noteViewsEnded } from "./start-deletion.js";

const QUEUE: CommandQueue<ClosedEnvelope> = {
  name: "url-closed",
  schema: ClosedEnvelope,
  describe: () => "The closed file could not be deleted.",
};

export type Settled = FileState | "unknown";

/**
 * Decides what a closed view means for its file, from the queue `url-closed`. The rows say what is true; the message only says
 * where to look. Throws when the storage does not confirm a deletion, and with that has it delivered again.
 */
export async function deleteClosedFile(
  ports: Ports,
  body: unknown,
  attempts: number,
  trace: Trace,
): Promise<{ readonly outcome: Settled | "failed" }> {
  const done = await commanded(ports, QUEUE, { body, attempts, trace }, ({ conversation, file }) =>
    settleFile(ports, conversation, file, trace, { again: attempts > 1 }),
  );
  return { outcome: done?.result ?? "failed" };
}

/** Empties the dead-letter queue of `url-closed`. The sweeper goes on trying. */
export const failDeadClosing = (ports: Ports, call: CommandCall): Promise<{ readonly outcome: "failed" }> =>
  parkDeadCommand(ports, QUEUE, call);

/**
 * Does what is due for one delivered file: ends stale views, logs closed ones, deletes it when the rule says so.
 * @param again a run before may have died between the last write and its event: the event is repeated
 * @throws when the storage does not confirm the deletion
 */
export async function settleFile(
  ports: Ports,
  conversationId: string,
  fileId: string,
  trace: Trace,
  { again = false }: { readonly again?: boolean } = {},
): Promise<Settled> {
  for (;;) {
    const found = await ports.conversations.load(conversationId);
    const file = await ports.conversations.file(conversationId, fileId);
    if (found === undefined || file === undefined) return "unknown";
    if (file.state === "closing") {
      if (await finish(ports, file, trace)) return "deleted";
      continue;
    }
    if (file.state === "deleted" && again) await announceEnd(ports, file, trace);
    if (file.state !== "ready") return file.state;
    const now = ports.clock.now();
    // Whom its sender has blocked is none of its readers any more.
    const blocked = await ports.blocks.blockedBy(file.author);
    const members = found.members.filter(({ user }) => !blocked.includes(user));
    const users = new Set(members.map(({ user }) => user));
    const ended = closeStale(file, (user) => users.has(user), now);
    const closed = unlogged(ended);
    const fate = fateOf(ended, recipientsOf(ended, members), now);
    const isStale = ended.views.some((view, n) => view !== file.views[n]);
    if (fate === undefined && closed.length === 0 && !isStale) return "ready";
    const entries = closed.map((view, n): Entry => ({
      ...{ seq: found.head.headSeq + 1 + n, type: "file.closed", messageId: fileId, ...seqOf(file) },
      ...{ user: view.user, at: new Date(now) },
      ...(view.closed === undefined ? {} : { reason: view.closed.reason }),
    }));
    const logged = withAllLogged(ended);
    const changed = fate === undefined ? logged : startDeleting(logged, fate, now);
    const step: LogStep = {
      head: found.head,
      next: { ...found.head, headSeq: found.head.headSeq + entries.length },
      entries,
      filesChanged: [{ ...changed, etag: file.etag }],
    };
    if (!(await ports.conversations.commit(step))) continue;
    noteViewsEnded(ports, file, changed);
    for (const entry of entries) await announce(ports, { conversationId, entry }, trace);
  }
}

const seqOf = ({ seq }: StoredFile): { messageSeq?: number } => (seq === undefined ? {} : { messageSeq: seq });

/** Deletes, and says so once the storage has confirmed it. False when a row has changed meanwhile. */
async function finish(ports: Ports, file: Versioned<StoredFile>, trace: Trace): Promise<boolean> {
  const { conversationId, fileId, seq = 0, etag } = file;
  if (file.blob !== undefined) await ports.blobs.remove(file.blob);
  const { head } = await ports.conversations.look(conversationId, {});
  const document = await ports.conversations.document(conversationId, seq);
  if (head === undefined || document === undefined) return false;
  const at = new Date(ports.clock.now());
  const step = endStep(head, document, file, at);
  const deleted = confirmDeleted(file, at, step.next.headSeq);
  await noteEnd(ports, conversationId, at);
  if (!(await ports.conversations.commit({ ...step, filesChanged: [{ ...deleted, etag }] }))) return false;
  const dueAt = dueForDeletionAt(file, document.retention !== undefined);
  ports.metrics.observe("dayfly_deletion_lag_ms", Math.max(0, at.getTime() - dueAt));
  for (const entry of step.entries) await announce(ports, { conversationId, entry }, trace);
  const written = await ports.conversations.file(conversationId, fileId);
  if (written !== undefined) await clearStaging(ports, written);
  return true;
}

/** The rows that end the message of a deleted file. */
function endStep(head: LogStep["head"], document: MessageDocument, file: StoredFile, at: Date): LogStep {
  const { messageId, seq, author, expiresAt, retention } = document;
  const isPending = retention?.state === "pending";
  const about = { messageId, messageSeq: seq, at };
  const lapsed: readonly Omit<Entry, "seq">[] = isPending ? [{ ...about, type: "retention.lapsed" }] : [];
  const entries = [
    ...lapsed,
    { ...about, type: "file.deleted" as const, ...(file.reason === undefined ? {} : { reason: file.reason }) },
  ].map((entry, n): Entry => ({ ...entry, seq: head.headSeq + 1 + n }));
  // What has been agreed and not moved lies where it lay at first.
  const isUnmoved = retention?.state === "retained" && retention.movedSeq === undefined;
  const minute = minuteOf(isUnmoved ? retention.endsAt : expiresAt);
  return {
    head,
    next: { ...head, headSeq: head.headSeq + entries.length },
    entries,
    documentsChanged: [emptied(document)],
    indexesChanged: [{ messageId, author, state: "deleted", seq, at, expiresAt }],
    expiriesMet: [{ minute, messageId, seq }],
    ...(isPending ? { requestsClosed: [{ messageId, seq }] } : {}),
  };
}

const emptied = ({ file: _file, retention: _retention, ...rest }: MessageDocument): MessageDocument => ({
  ...rest,
  state: "deleted",
});

/** The last entry of the log that tells of the file says that it is deleted: its event is repeated. */
async function announceEnd(ports: Ports, file: StoredFile, trace: Trace): Promise<void> {
  const { conversationId, deletedSeq } = file;
  if (deletedSeq === undefined) return;
  const [entry] = await ports.conversations.entries(conversationId, deletedSeq - 1, 1);
  if (entry?.seq === deletedSeq) await announce(ports, { conversationId, entry }, trace);
}
