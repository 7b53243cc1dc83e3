/** What the store asks of a disk: `node:fs/promises`, or a test's that refuses. */
import { open, unlink, type FileHandle } from "node:fs/promises";

export type LogFile = Pick<FileHandle, "fd" | "stat" | "read" | "write" | "truncate" | "datasync" | "sync" | "close">;

export interface Files {
  open(file: string, flags: string): Promise<LogFile>;
  unlink(file: string): Promise<void>;
}

export const nodeFiles: Files = { open, unlink };
