/** The safety net below every message about files: what is due for the files of a conversation, whatever was lost on the way. */
import { uploadOverAt } from "../domain/file.js";
import { isOver } from "../domain/message.js";
import type { FileName, Ports, Trace } from "../ports.js";
import { handOver } from "./complete-upload.js";
import { clearStaging, finishRejected, rejectFile } from "./end-upload.js";
import { settleFile } from "./settle-file.js";

/** Does what is due for every file of the conversation that is not over. */
export async function settleFiles(ports: Ports, conversationId: string, trace: Trace): Promise<number> {
  const fileIds = await ports.liveFiles.of(conversationId);
  // One after another: most of them want the same head.
  for (const fileId of fileIds) await settleAny(ports, { conversationId, fileId }, trace);
  return fileIds.length;
}

/** Does what is due for one file, whatever its state. */
export async function settleAny(ports: Ports, name: FileName, trace: Trace): Promise<void> {
  for (;;) {
    const file = await ports.conversations.file(name.conversationId, name.fileId);
    const now = ports.clock.now();
    switch (file?.state) {
      case undefined:
        // Whoever was to write the row has died, or is about to write it: the sweeper removes what is old.
        return;
      case "uploading":
        if (now < uploadOverAt(file)) return;
        if (await rejectFile(ports, file, "upload-expired")) return;
        break;
      case "accepted":
        if (!isOver(file, now)) {
          // Only what has not come by now was lost.
          if (now >= uploadOverAt(file)) await handOver(ports, file, trace);
          return;
        }
        if (await rejectFile(ports, file, "message-expired")) return;
        break;
      case "rejected": {
        const { index } = await ports.conversations.look(name.conversationId, {
          messageId: name.fileId,
          headless: true,
        });
        if (file.blob !== undefined || index === undefined) return finishRejected(ports, file);
        return clearStaging(ports, file);
      }
      case "deleted":
        return clearStaging(ports, file);
      case "ready":
      case "closing": {
        await settleFile(ports, name.conversationId, name.fileId, trace);
        if (!file.isStaged || now < uploadOverAt(file)) return;
        const settled = await ports.conversations.file(name.conversationId, name.fileId);
        return settled === undefined ? undefined : clearStaging(ports, settled);
      }
    }
  }
}

/** A member has left, whose views count as closed: has the files of the conversation looked at. */
export async function reconsiderFiles(ports: Ports, conversationId: string, user: string, trace: Trace): Promise<void> {
  for (const file of await ports.liveFiles.of(conversationId)) {
    const key = `left:${file}:${user}:${String(ports.clock.now())}`;
    await ports.queues.sendClosed({ v: 1, conversation: conversationId, file }, key, trace);
  }
}
