import type { CreateFile } from "../contracts/http.js";
import type { FileShape, UploadShape } from "../contracts/shapes.js";
import { MAX_FILE_BYTES, UPLOAD_MS, UPLOAD_OVER_MS, uploadOverAt, type StoredFile } from "../domain/file.js";
import { canonicalType, essenceOf } from "../domain/file-types.js";
import { DayflyError } from "../errors.js";
import { uuidv7 } from "../ids.js";
import type { Ports, Trace, Versioned } from "../ports.js";
import { stagedName } from "./file-names.js";
import { requireMember, unknownConversation } from "./membership.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { shapeFile } from "./shaping.js";

const DAY_MS = 24 * 3_600_000;

/**
 * Announces a file, and answers where to upload it: one URL, for one request, for ten minutes. The same id again with the same
 * facts answers a new URL, as long as nothing was accepted.
 * @throws conversation-unknown, file-too-large, file-type-not-allowed, file-quota-exceeded, message-id-taken, upload-expired
 */
export async function startUpload(
  ports: Ports,
  caller: string,
  conversationId: string,
  input: CreateFile,
  trace: Trace,
): Promise<UploadShape> {
  const fileId = input.id ?? uuidv7();
  const { member, index } = await ports.conversations.look(conversationId, {
    user: caller,
    headless: true,
    ...(input.id === undefined ? {} : { messageId: fileId }),
  });
  if (member === undefined) throw unknownConversation();
  requireAllowed(ports, input);
  const known = input.id === undefined ? undefined : await ports.conversations.file(conversationId, fileId);
  if (known !== undefined) return again(ports, known, caller, input);
  if (index !== undefined) throw idTaken();

  const now = ports.clock.now();
  await takeQuota(ports, caller, input.size, now);
  const file: StoredFile = {
    ...{ conversationId, fileId, author: caller },
    ...{ name: input.name, size: input.size, contentType: input.contentType },
    deleteWhen: input.deleteWhen ?? "all-recipients-closed",
    ...(input.sha256 === undefined ? {} : { sha256: input.sha256 }),
    state: "uploading",
    createdAt: new Date(now),
    uploadUntil: new Date(now + UPLOAD_MS),
    isStaged: true,
    expiresAt: new Date(now + UPLOAD_OVER_MS),
    isHeld: false,
    views: [],
  };
  await armUploadEnd(ports, file, trace);
  if (!(await ports.conversations.createFile(file))) {
    // Somebody was quicker; perhaps the same client, whose first answer is still on its way.
    const quicker = await ports.conversations.file(conversationId, fileId);
    if (quicker === undefined) throw idTaken();
    return again(ports, quicker, caller, input);
  }
  return withUpload(ports, file);
}

/** The file as its sender, or one of its readers, may know it. @throws conversation-unknown, file-unknown */
export async function getFile(
  ports: Ports,
  caller: string,
  conversationId: string,
  fileId: string,
): Promise<FileShape> {
  const { member } = await requireMember(ports, conversationId, caller);
  const file = await ports.conversations.file(conversationId, fileId);
  const isVisible = file?.author === caller || (file?.seq !== undefined && file.seq > member.joinedSeq);
  if (file === undefined || !isVisible) throw new DayflyError("file-unknown");
  return shapeFile(file);
}

function requireAllowed({ policy }: Ports, { size, contentType }: CreateFile): void {
  if (size > MAX_FILE_BYTES) {
    throw new DayflyError("file-too-large", {
      detail: `A file may have ${String(MAX_FILE_BYTES)} bytes.`,
      errors: [{ pointer: "/size", detail: "is too large" }],
      allowed: { bytes: MAX_FILE_BYTES },
    });
  }
  if (!policy.fileTypes.includes(canonicalType(contentType))) {
    throw new DayflyError("file-type-not-allowed", {
      detail: `Files of type ${essenceOf(contentType)} are not taken.`,
      errors: [{ pointer: "/contentType", detail: "is not one that is taken" }],
      allowed: { types: policy.fileTypes },
    });
  }
}

async function takeQuota({ usages, policy }: Ports, user: string, bytes: number, now: number): Promise<void> {
  const most = policy.filesPerDay;
  const day = new Date(now).toISOString().slice(0, 10);
  const { taken, ...used } = await usages.take(user, day, { files: 1, bytes }, most);
  if (taken) return;
  throw new DayflyError("file-quota-exceeded", {
    detail: `A user may send ${String(most.files)} files and ${String(most.bytes)} bytes a day.`,
    allowed: { files: most.files - used.files, bytes: most.bytes - used.bytes },
    // Days change at midnight UTC.
    retryAfterS: Math.ceil((DAY_MS - (now % DAY_MS)) / 1_000),
  });
}

/** What ends the upload should nobody complete it. Comes before what it is for. */
async function armUploadEnd(ports: Ports, file: StoredFile, trace: Trace): Promise<void> {
  const { conversationId, fileId: messageId } = file;
  const ending = { conversationId, messageId, expiresAt: new Date(uploadOverAt(file)) };
  await addDue(ports, ending);
  await ports.liveFiles.add(file);
  await scheduleExpiry(ports, ending, trace);
}

async function again(
  ports: Ports,
  known: Versioned<StoredFile>,
  caller: string,
  input: CreateFile,
): Promise<UploadShape> {
  const isSame =
    known.author === caller &&
    known.name === input.name &&
    known.size === input.size &&
    known.contentType === input.contentType &&
    known.sha256 === input.sha256 &&
    known.deleteWhen === (input.deleteWhen ?? "all-recipients-closed");
  if (!isSame || known.state !== "uploading") throw idTaken();
  if (ports.clock.now() >= known.uploadUntil.getTime()) throw new DayflyError("upload-expired");
  return withUpload(ports, known);
}

async function withUpload(ports: Ports, file: StoredFile): Promise<UploadShape> {
  const { url, headers } = await ports.blobs.uploadUrl(stagedName(file), file.contentType, file.uploadUntil);
  const upload = { method: "PUT" as const, url, headers, expiresAt: file.uploadUntil.toISOString() };
  return { ...shapeFile(file), upload };
}

const idTaken = (): DayflyError =>
  new DayflyError("message-id-taken", { errors: [{ pointer: "/id", detail: "is taken by another message" }] });
