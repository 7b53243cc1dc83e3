import type { Viewing } from "../contracts/http.js";
import type { HeartbeatShape, ViewShape } from "../contracts/shapes.js";
import {
  HEARTBEAT_SECONDS,
  heartbeat,
  LONGEST_VIEW_MS,
  openView,
  recipientsOf,
  urlEndsAt,
  type StoredFile,
  type View,
} from "../domain/file.js";
import { DayflyError } from "../errors.js";
import { secret, uuidv7 } from "../ids.js";
import type { Entry, LogStep, Ports, Trace, Versioned } from "../ports.js";
import { announce } from "./announce.js";
import { requireWelcome } from "./block-user.js";
import { requireMembers, requireMember } from "./membership.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";

/** So many readers beat at once that one of them may lose this often. */
const MOST_RACES = 50;

/**
 * Opens a file for the caller, once: claims the caller's place, and only then makes a URL. The same `key` again answers the same
 * view while it lives, for an answer may get lost. The sender may look until the first reader has opened it.
 * @throws conversation-unknown, file-unknown, file-not-ready, file-deleted, view-open, view-closed, preview-over,
 *   blocked by its sender
 */
export async function openFile(
  ports: Ports,
  caller: string,
  { conversationId, fileId }: { readonly conversationId: string; readonly fileId: string },
  { socketId, key }: Viewing & { readonly key?: string | undefined },
  trace: Trace,
): Promise<ViewShape> {
  const ids = { viewId: uuidv7(), closeToken: secret() };
  for (;;) {
    const { head, members } = await requireMembers(ports, conversationId, caller);
    const file = await ports.conversations.file(conversationId, fileId);
    if (file === undefined) throw new DayflyError("file-unknown");
    if (file.author !== caller) await requireWelcome(ports, caller, [file.author]);
    const now = ports.clock.now();
    const isRecipient = recipientsOf(file, members).includes(caller);
    const opening = openView(file, { ...ids, user: caller, isRecipient, key, socketId }, now);
    if (opening.kind === "refused") throw new DayflyError(opening.code);
    const { view } = opening;
    const changed = { ...opening.file, etag: file.etag };
    // Before the view there is what ends it.
    if (opening.kind === "opened") await armViewEnd(ports, file, view, trace);
    if (opening.kind === "again" || view.isPreview) {
      if (!(await ports.conversations.saveFile(changed))) continue;
    } else if (await claim(ports, head, changed, view, trace)) ports.metrics.count("dayfly_views_opened_total");
    else continue;
    return {
      id: view.id,
      ...(await urlOf(ports, changed)),
      closeToken: view.closeToken,
      leaseExpiresAt: new Date(view.leaseEndsAt).toISOString(),
      heartbeatSeconds: HEARTBEAT_SECONDS,
    };
  }
}

/**
 * The caller is still reading: the view lives on, and there is a new URL.
 * @throws conversation-unknown, file-unknown, file-deleted, view-unknown, view-closed
 */
export async function keepViewing(
  ports: Ports,
  caller: string,
  {
    conversationId,
    fileId,
    viewId,
  }: { readonly conversationId: string; readonly fileId: string; readonly viewId: string },
  { socketId }: Viewing,
): Promise<HeartbeatShape> {
  await requireMember(ports, conversationId, caller);
  for (let races = 0; ; races++) {
    const file = await ports.conversations.file(conversationId, fileId);
    if (file === undefined) throw new DayflyError("file-unknown");
    const beating = heartbeat(file, { viewId, user: caller, socketId }, ports.clock.now());
    if (beating.kind === "refused") throw new DayflyError(beating.code);
    const { view } = beating;
    const before = file.views.find(({ id }) => id === viewId);
    if (socketId !== undefined && socketId !== before?.socketId) {
      await ports.socketViews.add(socketId, { conversationId, fileId, viewId });
    }
    const changed = { ...beating.file, etag: file.etag };
    if (await ports.conversations.saveFile(changed)) {
      return { ...(await urlOf(ports, changed)), leaseExpiresAt: new Date(view.leaseEndsAt).toISOString() };
    }
    if (races === MOST_RACES) throw new DayflyError("dependency-unavailable", { detail: "Too many readers at once." });
  }
}

async function urlOf(ports: Ports, file: StoredFile): Promise<{ readonly url: string; readonly urlExpiresAt: string }> {
  if (file.blob === undefined) throw new DayflyError("file-deleted");
  const until = urlEndsAt(file, ports.clock.now());
  return { url: await ports.blobs.readUrl(file.blob, until), urlExpiresAt: until.toISOString() };
}

/** The claim is in the log, so the head orders it with everything else. */
async function claim(
  ports: Ports,
  head: LogStep["head"],
  file: Versioned<StoredFile>,
  view: View,
  trace: Trace,
): Promise<boolean> {
  const { conversationId, fileId: messageId } = file;
  const entry: Entry = {
    ...{ seq: head.headSeq + 1, type: "file.opened", messageId, user: view.user, at: new Date(view.openedAt) },
    ...(file.seq === undefined ? {} : { messageSeq: file.seq }),
  };
  const next = { ...head, headSeq: entry.seq };
  if (!(await ports.conversations.commit({ head, next, entries: [entry], filesChanged: [file] }))) return false;
  await announce(ports, { conversationId, entry }, trace);
  return true;
}

/** The deadline of its lease, which sets itself again, and that of its longest life, by which the sweeper would find it. */
async function armViewEnd(ports: Ports, file: StoredFile, view: View, trace: Trace): Promise<void> {
  const { conversationId, fileId } = file;
  const ending = { conversationId, messageId: fileId, expiresAt: new Date(view.openedAt + LONGEST_VIEW_MS) };
  await addDue(ports, ending);
  await Promise.all([
    scheduleExpiry(ports, ending, trace),
    armLease(ports, file, view, trace),
    view.socketId === undefined
      ? undefined
      : ports.socketViews.add(view.socketId, { conversationId, fileId, viewId: view.id }),
  ]);
}

/** Looks at the view again when its lease ends. */
export async function armLease(
  { queues }: Ports,
  { conversationId: conversation, fileId: file }: Pick<StoredFile, "conversationId" | "fileId">,
  { id: view, leaseEndsAt }: Pick<View, "id" | "leaseEndsAt">,
  trace: Trace,
): Promise<void> {
  await queues.scheduleDeadline(
    { v: 1, kind: "lease", conversation, file, view },
    new Date(leaseEndsAt),
    `lease:${view}:${String(leaseEndsAt)}`,
    trace,
  );
}
