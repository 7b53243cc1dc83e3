/** How a file's parts are named. The sweeper reads file and conversation back out of a blob's name. */
import { secret } from "../ids.js";
import type { FileName } from "../ports.js";

export const stagedName = ({ conversationId, fileId }: FileName): string => `${conversationId}/${fileId}`;

/** The copy's name cannot be guessed, and no upload URL ever names it. */
export const newBlobName = (file: FileName): string => `${stagedName(file)}/${secret()}`;

const NAME = /^([0-9a-f-]{36})\/([0-9a-f-]{36})(?:\/[\w-]+)?$/;

/** Whose blob it is; undefined for one that is not ours. */
export function fileOf(blob: string): FileName | undefined {
  const [, conversationId, fileId] = NAME.exec(blob) ?? [];
  return conversationId === undefined || fileId === undefined ? undefined : { conversationId, fileId };
}

/** The file's address in the API. */
export const addressOf = ({ conversationId, fileId }: FileName): string =>
  `/api/v1/conversations/${conversationId}/files/${fileId}`;
