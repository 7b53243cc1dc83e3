/** How a file lies in its conversation's partition of the table `conversations`: `f|id`, with its views in one property. */
/* eslint-disable @typescript-eslint/consistent-type-definitions -- the table client wants types with an index signature */
import type { FileState, StoredFile, View } from "../domain/file.js";
import { without, type Keys } from "./conversation-rows.js";

export const fileKey = (fileId: string): string => `f|${fileId}`;

export type FileRow = {
  author: string;
  name: string;
  size: number;
  contentType: string;
  deleteWhen: string;
  sha256?: string | undefined;
  proof?: string | undefined;
  state: string;
  createdAt: string;
  uploadUntil: string;
  isStaged: boolean;
  blob?: string | undefined;
  acceptedAt?: string | undefined;
  expiresAt: string;
  isHeld: boolean;
  seq?: number | undefined;
  /** JSON. A property may have 32 K characters: 90 views with the longest user ids have 31. */
  views: string;
  reason?: string | undefined;
  endedAt?: string | undefined;
  deletedSeq?: number | undefined;
};

export function fileToRow(file: StoredFile): Keys & FileRow {
  const { conversationId, fileId, createdAt, uploadUntil, acceptedAt, expiresAt, endedAt, views, ...plain } = file;
  return without({
    ...plain,
    partitionKey: conversationId,
    rowKey: fileKey(fileId),
    createdAt: createdAt.toISOString(),
    uploadUntil: uploadUntil.toISOString(),
    acceptedAt: acceptedAt?.toISOString(),
    expiresAt: expiresAt.toISOString(),
    endedAt: endedAt?.toISOString(),
    views: JSON.stringify(views),
  });
}

export const fileFromRow = (row: Keys & FileRow): StoredFile =>
  without({
    conversationId: row.partitionKey,
    fileId: row.rowKey.slice("f|".length),
    author: row.author,
    name: row.name,
    size: row.size,
    contentType: row.contentType,
    deleteWhen: row.deleteWhen as StoredFile["deleteWhen"],
    sha256: row.sha256,
    proof: row.proof,
    state: row.state as FileState,
    createdAt: new Date(row.createdAt),
    uploadUntil: new Date(row.uploadUntil),
    isStaged: row.isStaged,
    blob: row.blob,
    acceptedAt: row.acceptedAt === undefined ? undefined : new Date(row.acceptedAt),
    expiresAt: new Date(row.expiresAt),
    isHeld: row.isHeld,
    seq: row.seq,
    views: JSON.parse(row.views) as View[],
    reason: row.reason,
    endedAt: row.endedAt === undefined ? undefined : new Date(row.endedAt),
    deletedSeq: row.deletedSeq,
  }) as StoredFile;
