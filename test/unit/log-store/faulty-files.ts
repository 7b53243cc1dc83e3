/** Real files on a disk that refuses when told to. */
import { nodeFiles, type Files, type LogFile } from "../../../local/log-store/files.js";

export type Operation = "open" | "write" | "truncate" | "datasync" | "unlink" | "stat";

export class FaultyFiles implements Files {
  /** Bytes that the disk still takes: at its end a write is short, then none works (ENOSPC). */
  room = Infinity;
  /** What fails with EIO. */
  readonly broken = new Set<Operation>();
  /** As `broken`, after the operation has been done: its effect is there all the same. */
  readonly doubtful = new Set<Operation>();
  /** As `doubtful`, the next time only. */
  readonly doubtfulOnce = new Set<Operation>();
  readonly calls: Operation[] = [];
  openFiles = 0;

  async open(name: string, flags: string): Promise<LogFile> {
    const file = await this.#do("open", () => nodeFiles.open(name, flags));
    this.openFiles++;
    return {
      fd: file.fd,
      stat: (() => this.#do("stat", () => file.stat())) as LogFile["stat"],
      read: file.read.bind(file),
      write: ((buffer: Buffer, offset: number, length: number, position: number) =>
        this.#do("write", async () => {
          if (this.room <= 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
          const written = await file.write(buffer, offset, Math.min(length, this.room), position);
          this.room -= written.bytesWritten;
          return written;
        })) as LogFile["write"],
      truncate: (length) => this.#do("truncate", () => file.truncate(length)),
      datasync: () => this.#do("datasync", () => file.datasync()),
      sync: () => file.sync(),
      close: () => {
        this.openFiles--;
        return file.close();
      },
    };
  }

  unlink(name: string): Promise<void> {
    return this.#do("unlink", () => nodeFiles.unlink(name));
  }

  async #do<Result>(operation: Operation, action: () => Promise<Result>): Promise<Result> {
    this.calls.push(operation);
    if (this.broken.has(operation)) throw broken(operation);
    const result = await action();
    if (this.doubtfulOnce.delete(operation) || this.doubtful.has(operation)) throw broken(operation);
    return result;
  }
}

function broken(operation: Operation): Error {
  return Object.assign(new Error(`EIO: i/o error, ${operation}`), { code: "EIO" });
}
