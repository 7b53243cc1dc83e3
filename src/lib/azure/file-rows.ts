/** How a file lies in its conversation's partition of the table `conversations`: `f|id`, with its views in a few properties. */
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
  /** JSON, which goes on in the next ones where it is long: 90 views with the longest ids have 60 K characters. */
  views: string;
  views2?: string | undefined;
  views3?: string | undefined;
  reason?: string | undefined;
  endedAt?: string | undefined;
  deletedSeq?: number | undefined;
};

/** A property may have 32 K characters (learn.microsoft.com, understanding the Table service data model: 64 KiB in UTF-16). */
const MOST_CHARACTERS = 32 * 1024;

function viewsToRow(views: readonly View[]): Pick<FileRow, "views" | "views2" | "views3"> {
  const json = JSON.stringify(views);
  const part = (n: number): string => json.slice(n * MOST_CHARACTERS, (n + 1) * MOST_CHARACTERS);
  return { views: part(0), views2: part(1) || undefined, views3: part(2) || undefined };
}

const viewsFromRow = ({ views, views2 = "", views3 = "" }: FileRow): View[] =>
  JSON.parse(views + views2 + views3) as View[];

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
    ...viewsToRow(views),
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
    views: viewsFromRow(row),
    reason: row.reason,
    endedAt: row.endedAt === undefined ? undefined : new Date(row.endedAt),
    deletedSeq: row.deletedSeq,
  }) as StoredFile;
