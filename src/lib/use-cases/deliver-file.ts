import { FileEnvelope } from "../contracts/queue.js";
import { minuteOf } from "../domain/deadline.js";
import { LONGEST_SCAN_MS, type StoredFile } from "../domain/file.js";
import { decideRevival, isOver, type MessageDocument } from "../domain/message.js";
import type { ErrorCode } from "../errors.js";
import type { LogStep, Ports, Trace, Versioned } from "../ports.js";
import { announce } from "./announce.js";
import { rejectFile } from "./end-upload.js";
import { commanded, parkDeadCommand, type CommandCall, type CommandQueue } from "./park-command.js";
import { orPause } from "./patience.js";
import { addDue, scheduleExpiry } from "./schedule-expiry.js";
import { tellLater } from "./tell-waiting.js";

const SCAN_AGAIN_MS = 5_000;

const QUEUE: CommandQueue<FileEnvelope> = {
  name: "file-messages",
  schema: FileEnvelope,
  describe: () => "The file could not be delivered.",
};

export type FileDelivery =
  | {
      readonly outcome: "delivered" | "repeated";
      readonly seq: number;
      readonly event: "published" | "later" | "never";
    }
  /** `scanning`: it comes again when the scanner may have a result. */
  | { readonly outcome: "scanning" | "ended" | "failed" }
  | { readonly outcome: "rejected"; readonly code: ErrorCode };

/**
 * Delivers one file from the queue `file-messages`, once the scanner takes it for harmless. Safe to run twice, late, and after a
 * crash anywhere, as `deliverText`.
 */
export async function deliverFile(ports: Ports, body: unknown, attempts: number, trace: Trace): Promise<FileDelivery> {
  const done = await commanded(ports, QUEUE, { body, attempts, trace }, (envelope) => deliver(ports, envelope, trace));
  return done === undefined ? { outcome: "failed" } : done.result;
}

async function deliver(ports: Ports, envelope: FileEnvelope, trace: Trace): Promise<FileDelivery> {
  const { conversation: conversationId, id: messageId } = envelope;
  for (;;) {
    const { head, index } = await ports.conversations.look(conversationId, { messageId });
    const file = await ports.conversations.file(conversationId, messageId);
    if (head === undefined || file === undefined) return { outcome: "ended" };
    if (file.state === "ready" && file.seq !== undefined) {
      const document = await ports.conversations.document(conversationId, file.seq);
      if (document?.state !== "delivered") return { outcome: "ended" };
      return { outcome: "repeated", seq: document.seq, event: await follow(ports, document, trace) };
    }
    if (file.state !== "accepted" || file.blob === undefined) return { outcome: "ended" };
    const refused = index === undefined ? await refusalOf(ports, file, file.blob) : "message-id-taken";
    if (refused === "pending") {
      const at = new Date(ports.clock.now() + SCAN_AGAIN_MS);
      await ports.queues.sendFile({ ...envelope, attempt: envelope.attempt + 1 }, trace, at);
      return { outcome: "scanning" };
    }
    if (refused !== undefined) {
      if (await rejectFile(ports, file, refused)) return { outcome: "rejected", code: refused };
      continue;
    }
    const step = recordStep(head, file, ports.clock.now());
    await addDue(ports, { conversationId, messageId, expiresAt: file.expiresAt });
    if (!(await ports.conversations.commit(step))) continue;
    const [document] = step.documents;
    return { outcome: "delivered", seq: document.seq, event: await follow(ports, document, trace) };
  }
}

async function refusalOf(
  { clock, scanner }: Ports,
  file: StoredFile,
  blob: string,
): Promise<ErrorCode | "pending" | undefined> {
  const now = clock.now();
  if (isOver(file, now)) return "message-expired";
  const verdict = await scanner.verdictOn(blob);
  if (verdict === "malicious") return "file-malicious";
  if (verdict === "clean") return undefined;
  const acceptedAt = (file.acceptedAt ?? file.createdAt).getTime();
  return now >= acceptedAt + LONGEST_SCAN_MS ? "scan-unfinished" : "pending";
}

/** What the write of a file's message is: as of a text, and the file is open to its readers with it. */
function recordStep(
  head: LogStep["head"],
  file: Versioned<StoredFile>,
  now: number,
): LogStep & { readonly documents: readonly [MessageDocument] } {
  const seq = head.headSeq + 1;
  const at = new Date(now);
  const { conversationId, fileId: messageId, author, name, size, contentType, deleteWhen, expiresAt } = file;
  return {
    head,
    next: { ...head, headSeq: seq, lastMessageSeq: seq, lastMessageAt: at },
    entries: [{ seq, type: "message.created", messageId, messageSeq: seq, at }],
    documents: [
      {
        ...{ conversationId, messageId, seq, author },
        file: { name, size, contentType, deleteWhen },
        ...{ sentAt: file.acceptedAt ?? at, expiresAt, state: "delivered" },
        ...(file.proof === undefined ? {} : { proof: file.proof }),
      },
    ],
    indexes: [{ messageId, author, state: "delivered", seq, at, expiresAt }],
    expiriesAdded: [{ minute: minuteOf(expiresAt), messageId, seq }],
    filesChanged: [{ ...file, state: "ready", seq }],
  };
}

async function follow(ports: Ports, document: MessageDocument, trace: Trace): Promise<"published" | "later" | "never"> {
  const { conversationId, messageId, seq, sentAt: at } = document;
  await scheduleExpiry(ports, document, trace);
  await tellLater(ports, document, trace);
  const entry = { seq, type: "message.created" as const, messageId, at };
  return announce(ports, { conversationId, entry, document }, trace);
}

/**
 * Decides what becomes of a file in the dead-letter queue of `file-messages`: refused because its time is over, sent again with
 * what is left of it, or a failure for an operator.
 */
export async function reviveFile(
  ports: Ports,
  call: CommandCall,
): Promise<{ readonly outcome: "expired" | "again" | "failed" }> {
  const { trace } = call;
  const parsed = FileEnvelope.safeParse(call.body);
  if (!parsed.success) return parkDeadCommand(ports, QUEUE, call);
  const envelope = parsed.data;
  const { endsAt, attempt } = envelope;
  const fate = decideRevival({ expiresAt: new Date(endsAt), attempt }, ports.clock.now());
  switch (fate) {
    case "expired":
      await orPause(ports.clock, () => refuse(ports, envelope, "message-expired"));
      break;
    case "again":
      await orPause(ports.clock, () => ports.queues.sendFile({ ...envelope, attempt: attempt + 1 }, trace));
      break;
    case "failed":
      await orPause(ports.clock, () => refuse(ports, envelope, "attempts-exhausted"));
      return parkDeadCommand(ports, QUEUE, call);
  }
  return { outcome: fate };
}

async function refuse(ports: Ports, envelope: FileEnvelope, code: ErrorCode): Promise<void> {
  for (;;) {
    const file = await ports.conversations.file(envelope.conversation, envelope.id);
    if (file?.state !== "accepted" || (await rejectFile(ports, file, code))) return;
  }
}
