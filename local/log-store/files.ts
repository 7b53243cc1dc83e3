/** What the store asks of a disk: `node:fs`, or a test's that refuses. */
import { writeSync } from "node:fs";
import { open, unlink, type FileHandle } from "node:fs/promises";

export interface LogFile extends Pick<FileHandle, "fd" | "stat" | "read" | "truncate" | "datasync" | "sync" | "close"> {
  /** Answers how many bytes were taken. To hand this to a thread, and to be woken by it, costs more than the write. @throws when the disk refuses */
  writeNow(buffer: Buffer, offset: number, length: number, position: number): number;
}

export interface Files {
  open(file: string, flags: string): Promise<LogFile>;
  unlink(file: string): Promise<void>;
}

export const nodeFiles: Files = {
  async open(file, flags) {
    const handle = await open(file, flags);
    return Object.assign(handle, {
      writeNow: (buffer: Buffer, offset: number, length: number, position: number) =>
        writeSync(handle.fd, buffer, offset, length, position),
    });
  },
  unlink,
};
