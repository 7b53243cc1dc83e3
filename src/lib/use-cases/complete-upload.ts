import { checkContent, type Content } from "../check-content.js";
import type { MessageShape } from "../contracts/shapes.js";
import { uploadOverAt, type StoredFile } from "../domain/file.js";
import { dispositionOf, essenceOf, isOfType } from "../domain/file-types.js";
import { CATALOGUE, DayflyError, type ErrorCode } from "../errors.js";
import type { Ports, Trace, Versioned } from "../ports.js";
import { clearStaging, finishRejected, rejectFile } from "./end-upload.js";
import { addressOf, newBlobName, stagedName } from "./file-names.js";
import { requireMember } from "./membership.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { shapeFileMessage } from "./shaping.js";

/**
 * Accepts an upload: what was uploaded is copied to where only readers get to, and the copy is checked; then it is in the queue,
 * to be delivered. Again changes nothing, and finishes what a crash has left.
 * @throws conversation-unknown, file-unknown, upload-missing, upload-expired, file-deleted, and what the upload was refused for
 */
export async function completeUpload(
  ports: Ports,
  caller: string,
  conversationId: string,
  fileId: string,
  trace: Trace,
): Promise<MessageShape> {
  await requireMember(ports, conversationId, caller);
  for (;;) {
    const file = await ports.conversations.file(conversationId, fileId);
    if (file?.author !== caller) throw new DayflyError("file-unknown");
    switch (file.state) {
      case "uploading":
        await accept(ports, file, trace);
        break;
      case "accepted":
        await handOver(ports, file, trace);
        return shapeFileMessage(file, ports.clock.now());
      case "ready":
        return shapeFileMessage(file, ports.clock.now());
      case "closing":
      case "deleted":
        throw new DayflyError("file-deleted");
      case "rejected":
        await finishRejected(ports, file);
        throw refusal(file.reason);
    }
  }
}

const refusal = (code: string | undefined): DayflyError =>
  new DayflyError(code !== undefined && code in CATALOGUE ? (code as ErrorCode) : "internal-error");

/** One step from `uploading` to `accepted` or `rejected`; the caller reads the row again. */
async function accept(ports: Ports, file: Versioned<StoredFile>, trace: Trace): Promise<void> {
  const { blobs, clock, conversations } = ports;
  if (clock.now() >= uploadOverAt(file)) throw new DayflyError("upload-expired");
  const staged = stagedName(file);
  const { blob } = file;
  if (blob === undefined) {
    // Nothing is ever copied to a name that no row knows.
    await conversations.saveFile({ ...file, blob: newBlobName(file) });
    return;
  }
  const size = await blobs.stagedSize(staged);
  if (size === undefined) throw new DayflyError("upload-missing");
  if (size !== file.size) {
    await rejectFile(ports, file, "upload-size-mismatch");
    return;
  }
  // What was uploaded cannot change any more, but only of the copy is that certain.
  if (!(await blobs.copy(staged, blob))) throw new DayflyError("upload-missing");
  const content = await checkContent(await blobs.contents(blob));
  const problem = problemOf(file, content);
  if (problem !== undefined) {
    await rejectFile(ports, file, problem);
    return;
  }
  const contentType = essenceOf(file.contentType);
  await blobs.dress(blob, { contentType, disposition: dispositionOf(contentType, file.name) });
  const now = clock.now();
  const { conversationId, fileId: messageId, author } = file;
  const proof = ports.evidence.proofOf({ conversationId, messageId, author, content: content.sha256 });
  const accepted: Versioned<StoredFile> = {
    ...file,
    state: "accepted",
    acceptedAt: new Date(now),
    expiresAt: new Date(now + ports.policy.fileLifetimeMs),
    ...(proof === undefined ? {} : { proof }),
  };
  const ending = { ...file, messageId, expiresAt: accepted.expiresAt };
  await addDue(ports, ending);
  await scheduleExpiry(ports, ending, trace);
  await conversations.saveFile(accepted);
}

function problemOf(file: StoredFile, content: Content): ErrorCode | undefined {
  if (content.size !== file.size) return "upload-size-mismatch";
  if (file.sha256 !== undefined && content.sha256 !== file.sha256) return "upload-hash-mismatch";
  if (!isOfType(file.contentType, content.type, content.looksLikeText)) return "upload-type-mismatch";
  return undefined;
}

/** What follows the acceptance: nothing stays where it was uploaded to, and the queue has it. */
export async function handOver(ports: Ports, file: Versioned<StoredFile>, trace: Trace): Promise<void> {
  await clearStaging(ports, file);
  const { conversationId: conversation, fileId: id, author, expiresAt } = file;
  await ports.queues.sendFile(
    { v: 1, id, conversation, author, url: addressOf(file), endsAt: expiresAt.toISOString(), attempt: 1 },
    trace,
  );
}
