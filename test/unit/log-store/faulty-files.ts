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
      writeNow: (buffer, offset, length, position) => {
        this.#begin("write");
        if (this.room <= 0) throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
        const written = file.writeNow(buffer, offset, Math.min(length, this.room), position);
        this.room -= written;
        this.#end("write");
        return written;
      },
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
    this.#begin(operation);
    const result = await action();
    this.#end(operation);
    return result;
  }

  #begin(operation: Operation): void {
    this.calls.push(operation);
    if (this.broken.has(operation)) throw broken(operation);
  }

  #end(operation: Operation): void {
    if (this.doubtfulOnce.delete(operation) || this.doubtful.has(operation)) throw broken(operation);
  }
}

function broken(operation: Operation): Error {
  return Object.assign(new Error(`EIO: i/o error, ${operation}`), { code: "EIO" });
}
