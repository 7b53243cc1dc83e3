/** How an upload ends: refused, or done; in either case nothing of it stays where it was uploaded to. */
import { reject, uploadOverAt, type StoredFile } from "../domain/file.js";
import type { ErrorCode } from "../errors.js";
import type { Ports, Versioned } from "../ports.js";
import { stagedName } from "./file-names.js";
import { noteEnd } from "./note-end.js";
import { tellAuthor } from "./tell-author.js";

/** Refuses a file; false when its row has changed meanwhile. Its sender is told when nothing of it is left. */
export async function rejectFile(ports: Ports, file: Versioned<StoredFile>, code: ErrorCode): Promise<boolean> {
  const at = new Date(ports.clock.now());
  const { etag } = file;
  if (!(await ports.conversations.saveFile({ ...reject(file, code, at), etag }))) return false;
  const rejected = await ports.conversations.file(file.conversationId, file.fileId);
  if (rejected?.state === "rejected") await finishRejected(ports, rejected);
  return true;
}

/** Deletes what there is of a refused file, and tells its sender. Harmless to repeat. */
export async function finishRejected(ports: Ports, file: Versioned<StoredFile>): Promise<void> {
  const { conversationId, fileId: messageId, author, endedAt: at = file.createdAt, reason: code = "" } = file;
  if (file.blob !== undefined) await ports.blobs.remove(file.blob);
  await noteEnd(ports, conversationId, at);
  await ports.conversations.addIndex(conversationId, {
    ...{ messageId, author, at },
    ...{ state: "failed" as const, expiresAt: file.expiresAt, failure: code },
  });
  await tellAuthor(ports, author, "file.rejected", { conversationId, messageId, at: at.toISOString(), code });
  await clearStaging(ports, withoutBlob(file));
}

/**
 * Takes away what was uploaded. As long as an upload URL is good an empty blob stays in its place: the URL may create, and
 * never overwrite. A file that is over is forgotten by the list of live ones once this is done.
 */
export async function clearStaging(ports: Ports, file: Versioned<StoredFile>): Promise<void> {
  const staged = stagedName(file);
  if (file.isStaged) {
    if (ports.clock.now() < uploadOverAt(file)) {
      await ports.blobs.emptyStaging(staged);
      if (file.state === "rejected") await ports.conversations.saveFile(file);
      return;
    }
    await ports.blobs.removeStaging(staged);
    if (!(await ports.conversations.saveFile({ ...file, isStaged: false }))) return;
  }
  if (file.state === "rejected" || file.state === "deleted") await ports.liveFiles.remove(file);
}

function withoutBlob({ blob: _, ...file }: Versioned<StoredFile>): Versioned<StoredFile> {
  return file;
}
