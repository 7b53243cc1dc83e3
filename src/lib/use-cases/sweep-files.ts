import { uploadOverAt, type StoredFile } from "../domain/file.js";
import type { FileName, Ports, Run, StoredBlob, Trace, Versioned } from "../ports.js";
import { fileOf } from "./file-names.js";
import { settleAny } from "./settle-files.js";
import { startDeletion } from "./start-deletion.js";

/** Younger ones may belong to work that is under way. */
const YOUNG_MS = 10 * 60_000;
const FILES_AT_ONCE = 100;
/** One run looks at so many files; the next one starts over, for what is over is gone by then. */
const MOST_FILES = 10_000;

/**
 * Finds what nothing else has: files whose next step is overdue (also deletions that have failed), blobs that belong to no file,
 * and files whose blob is gone.
 */
export async function sweepFiles(ports: Ports, trace: Trace): Promise<Run> {
  const startedAt = new Date(ports.clock.now());
  const run = { lookedAt: 0, purged: 0, lateByMs: 0 };
  const note = (since: Date): void => {
    run.lookedAt += 1;
    run.lateByMs = Math.max(run.lateByMs, startedAt.getTime() - since.getTime());
  };
  const stored = await sweepBlobs(ports, note);
  await sweepRows(ports, stored, startedAt, note, trace);
  const report: Run = { job: "sweep-files", startedAt, tookMs: ports.clock.now() - startedAt.getTime(), ...run };
  await ports.runs.add(report);
  return report;
}

/** Deletes blobs that no row knows. Answers the names of those in `files` that stay. */
async function sweepBlobs(ports: Ports, note: (since: Date) => void): Promise<ReadonlySet<string>> {
  const stored = new Set<string>();
  for (const container of ["files", "staging"] as const) {
    for await (const page of ports.blobs.list(container)) {
      for (const blob of page) {
        if (!(await isOrphan(ports, container, blob))) {
          if (container === "files") stored.add(blob.name);
          continue;
        }
        await (container === "files" ? ports.blobs.remove(blob.name) : ports.blobs.removeStaging(blob.name));
        note(blob.modifiedAt);
      }
    }
  }
  return stored;
}

async function isOrphan(
  ports: Ports,
  container: "staging" | "files",
  { name, modifiedAt }: StoredBlob,
): Promise<boolean> {
  const now = ports.clock.now();
  if (now - modifiedAt.getTime() < YOUNG_MS) return false;
  const owner = fileOf(name);
  const file = owner === undefined ? undefined : await ports.conversations.file(owner.conversationId, owner.fileId);
  if (file === undefined) return true;
  // What has been deleted since the list was made stands in it all the same.
  if (file.endedAt !== undefined && now - file.endedAt.getTime() < YOUNG_MS) return false;
  if (container === "files") return file.blob !== name;
  return !file.isStaged && now - uploadOverAt(file) >= YOUNG_MS;
}

async function sweepRows(
  ports: Ports,
  stored: ReadonlySet<string>,
  startedAt: Date,
  note: (since: Date) => void,
  trace: Trace,
): Promise<void> {
  const before = startedAt.getTime() - YOUNG_MS;
  let after: FileName | undefined;
  for (let seen = 0; seen < MOST_FILES; seen += FILES_AT_ONCE) {
    const page = await ports.liveFiles.page(after, FILES_AT_ONCE);
    for (const { addedAt, ...name } of page) {
      const file = await ports.conversations.file(name.conversationId, name.fileId);
      if (file === undefined) {
        if (addedAt.getTime() < before) await ports.liveFiles.remove(name);
        continue;
      }
      const isLost = file.state === "ready" && file.blob !== undefined && !stored.has(file.blob);
      const since = overdueSince(file, isLost);
      if (since === undefined || since.getTime() >= before) continue;
      note(since);
      await settleOverdue(ports, file, isLost, trace);
    }
    after = page.at(-1);
    if (page.length < FILES_AT_ONCE) return;
  }
}

async function settleOverdue(ports: Ports, file: Versioned<StoredFile>, isLost: boolean, trace: Trace): Promise<void> {
  try {
    if (isLost) await startDeletion(ports, file, "lost");
    await settleAny(ports, file, trace);
  } catch {
    // One that still cannot be deleted must not keep the others: it stands in the report, and the next run tries again.
  }
}

/** Since when something should have happened to the file that has not; undefined when all is as it should be. */
function overdueSince(file: StoredFile, isLost: boolean): Date | undefined {
  if (file.state === "closing") return file.endedAt;
  if (isLost) return file.acceptedAt;
  if (file.isStaged) return new Date(uploadOverAt(file));
  return file.state === "accepted" || file.state === "ready" ? file.expiresAt : file.endedAt;
}
