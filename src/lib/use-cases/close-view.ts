/** All the ways in which a view ends. The row says so first; then one message has the file's deletion decided. */
import type { CloseView } from "../contracts/http.js";
import type { CloseShape } from "../contracts/shapes.js";
import { closeStale, closeView, loseSocket, type CloseReason, type StoredFile, type View } from "../domain/file.js";
import { DayflyError } from "../errors.js";
import { isSameSecret } from "../ids.js";
import type { Ports, SocketView, Trace, Versioned } from "../ports.js";
import { unknownConversation } from "./membership.js";
import { armLease } from "./view-file.js";

export interface ViewName {
  readonly conversationId: string;
  readonly fileId: string;
  readonly viewId: string;
}

/**
 * Closes a view, by its reader or by whoever has its close token. Again, and after the file is gone, it answers the same.
 * @param caller undefined when there was no bearer token
 * @throws conversation-unknown, view-unknown, close-token-invalid, token-missing
 */
export async function closeByReader(
  ports: Ports,
  caller: string | undefined,
  name: ViewName,
  { closeToken, reason = "closed" }: CloseView,
  trace: Trace,
): Promise<CloseShape> {
  const { file, view } = await permitted(ports, caller, name, closeToken);
  return end(ports, file, view, reason, trace);
}

async function permitted(
  ports: Ports,
  caller: string | undefined,
  { conversationId, fileId, viewId }: ViewName,
  closeToken: string | undefined,
): Promise<{ readonly file: Versioned<StoredFile>; readonly view: View }> {
  const file = await ports.conversations.file(conversationId, fileId);
  const view = file?.views.find(({ id }) => id === viewId);
  if (closeToken !== undefined) {
    // One answer to every wrong token: it does not tell whether there is such a view.
    if (file === undefined || view === undefined || !isSameSecret(closeToken, view.closeToken)) {
      throw new DayflyError("close-token-invalid");
    }
    return { file, view };
  }
  if (caller === undefined) throw new DayflyError("token-missing");
  if (file === undefined || view?.user !== caller) {
    const { member } = await ports.conversations.look(conversationId, { user: caller, headless: true });
    throw member === undefined ? unknownConversation() : new DayflyError("view-unknown");
  }
  return { file, view };
}

async function end(
  ports: Ports,
  found: Versioned<StoredFile>,
  view: View,
  reason: CloseReason,
  trace: Trace,
): Promise<CloseShape> {
  for (let file = found; ;) {
    if (file.state === "deleted") return { state: "deleted", ...deletedAt(file) };
    const closed = file.state === "ready" ? closeView(file, view.id, reason, ports.clock.now()) : undefined;
    if (closed === undefined || (await ports.conversations.saveFile({ ...closed, etag: file.etag }))) {
      await sendClosed(ports, file, view, trace);
      return { state: "closed" };
    }
    const again = await ports.conversations.file(file.conversationId, file.fileId);
    if (again === undefined) throw new DayflyError("view-unknown");
    file = again;
  }
}

const deletedAt = ({ endedAt }: StoredFile): { deletedAt?: string } =>
  endedAt === undefined ? {} : { deletedAt: endedAt.toISOString() };

async function sendClosed(ports: Ports, file: StoredFile, view: View, trace: Trace): Promise<void> {
  const { conversationId: conversation, fileId } = file;
  // Of the sender's own look nobody is told, and nothing follows.
  if (!view.isPreview) {
    await ports.queues.sendClosed({ v: 1, conversation, file: fileId, view: view.id }, `closed:${view.id}`, trace);
  }
  const name = { conversationId: conversation, fileId, viewId: view.id };
  if (view.socketId !== undefined) await ports.socketViews.remove(view.socketId, name);
}

/** A view's lease may have ended: ends the view, or comes back when the lease ends. False when there was nothing to do. */
export async function endLease(
  ports: Ports,
  { conversationId, fileId, viewId }: ViewName,
  trace: Trace,
): Promise<boolean> {
  for (;;) {
    const file = await ports.conversations.file(conversationId, fileId);
    const view = file?.views.find(({ id }) => id === viewId);
    if (file?.state !== "ready" || view === undefined) return false;
    if (view.closed !== undefined) {
      // Whoever closed it may have died before it told.
      if (view.isLogged) return false;
      await sendClosed(ports, file, view, trace);
      return true;
    }
    const now = ports.clock.now();
    if (now < view.leaseEndsAt) {
      await armLease(ports, file, view, trace);
      return true;
    }
    const only = { ...file, views: file.views.filter(({ id }) => id === viewId) };
    const [ended = view] = closeStale(only, () => true, now).views;
    const views = file.views.map((each) => (each.id === viewId ? ended : each));
    if (!(await ports.conversations.saveFile({ ...file, views }))) continue;
    await sendClosed(ports, file, view, trace);
    return true;
  }
}

/** A socket is gone. Its views live on for their grace; a heartbeat in that time keeps them. */
export async function endSocket(ports: Ports, socketId: string, trace: Trace): Promise<number> {
  const views = await ports.socketViews.of(socketId);
  for (const name of views) {
    await startGrace(ports, socketId, name, trace);
    await ports.socketViews.remove(socketId, name);
  }
  return views.length;
}

async function startGrace(ports: Ports, socketId: string, name: SocketView, trace: Trace): Promise<void> {
  for (;;) {
    const file = await ports.conversations.file(name.conversationId, name.fileId);
    if (file === undefined) return;
    const now = ports.clock.now();
    const changed = loseSocket(file, name.viewId, socketId, now);
    const view = (changed ?? file).views.find(({ id }) => id === name.viewId);
    if (view === undefined || view.closed !== undefined) return;
    // Undefined when it was lost before, by a run that died, or when another socket has the view now.
    if (changed === undefined && view.isLost === undefined) return;
    if (changed !== undefined && !(await ports.conversations.saveFile({ ...changed, etag: file.etag }))) continue;
    await armLease(ports, file, view, trace);
    return;
  }
}
