import { endsBetween, startDeleting, type DeleteReason, type StoredFile } from "../domain/file.js";
import type { Ports, Versioned } from "../ports.js";

/** Decides that a file is to be deleted, and with that ends what is open. False when it has changed meanwhile. */
export async function startDeletion(ports: Ports, file: Versioned<StoredFile>, reason: DeleteReason): Promise<boolean> {
  const changed = startDeleting(file, reason, ports.clock.now());
  if (!(await ports.conversations.saveFile({ ...changed, etag: file.etag }))) return false;
  noteViewsEnded(ports, file, changed);
  return true;
}

/** Counts the readers' views that have ended with a write: once each, when the write has been made. */
export function noteViewsEnded({ metrics }: Ports, before: StoredFile, after: StoredFile): void {
  for (const reason of endsBetween(before, after)) metrics.count("dayfly_views_ended_total", 1, reason);
}
