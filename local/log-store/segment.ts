/** One file of the log. Only the newest is written to; the oldest is the next to be cleared. */
import { readSync } from "node:fs";
import path from "node:path";
import type { Files, LogFile } from "./files.js";

export class Segment {
  readonly number: number;
  readonly name: string;
  /** Refused records may lie behind the last good one, and could not be cut off: nothing may be appended. */
  uncut = false;
  readonly #files: Files;
  readonly #path: string;
  readonly #file: LogFile;
  #bytes: number;

  private constructor(
    files: Files,
    path: { full: string; name: string; number: number },
    file: LogFile,
    bytes: number,
  ) {
    this.number = path.number;
    this.name = path.name;
    this.#files = files;
    this.#path = path.full;
    this.#file = file;
    this.#bytes = bytes;
  }

  static async open(files: Files, directory: string, number: number): Promise<Segment> {
    const name = `${String(number).padStart(10, "0")}.log`;
    const full = path.join(directory, name);
    // "a" would ignore positions: a partial record could not be written over.
    const file = await files.open(full, "r+").catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return files.open(full, "wx+");
    });
    try {
      const { size } = await file.stat();
      return new Segment(files, { full, name, number }, file, size);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  static numberOf(fileName: string): number | undefined {
    const digits = /^(\d{10})\.log$/.exec(fileName)?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The first bytes, all of them unless said otherwise; into `buffer` when they fit, so that many reads need one buffer. */
  async read(bytes = this.#bytes, buffer: Buffer = Buffer.alloc(0)): Promise<Buffer> {
    const length = Math.min(bytes, this.#bytes);
    const content = buffer.length >= length ? buffer.subarray(0, length) : Buffer.allocUnsafeSlow(length);
    let at = 0;
    while (at < length) {
      const { bytesRead } = await this.#file.read(content, at, length - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return content.subarray(0, at);
  }

  /** A few bytes at once: what was written lately is in the system's cache. @throws when they are not there */
  readNow(offset: number, length: number): Buffer {
    const content = Buffer.allocUnsafe(length);
    for (let at = 0; at < length;) {
      const bytesRead = readSync(this.#file.fd, content, at, length - at, offset + at);
      if (bytesRead === 0) throw new Error(`${this.name} ends before byte ${offset + length}.`);
      at += bytesRead;
    }
    return content;
  }

  /**
   * Appends whole. On any failure nothing of it counts, and what of it reached the file is cut off at once: a record that was
   * refused must not be found at the next start. When the disk refuses that too, the segment is `uncut`.
   */
  async append(record: Buffer, sync: boolean): Promise<void> {
    try {
      for (let at = 0; at < record.length;) {
        const bytesWritten = this.#file.writeNow(record, at, record.length - at, this.#bytes + at);
        if (bytesWritten === 0) throw Object.assign(new Error("The disk took nothing."), { code: "EIO" });
        at += bytesWritten;
      }
      if (sync) await this.#file.datasync();
    } catch (error) {
      await this.tryCut();
      throw error;
    }
    this.#bytes += record.length;
  }

  /** Cuts off what lies behind the last good record; whether that worked is in `uncut`. */
  async tryCut(): Promise<void> {
    this.uncut = true;
    await this.cutAt(this.#bytes).catch(() => undefined);
  }

  async cutAt(bytes: number): Promise<void> {
    await this.#file.truncate(bytes);
    this.#bytes = bytes;
    this.uncut = false;
  }

  /** Reads no further than this, whatever lies behind. */
  endAt(bytes: number): void {
    this.#bytes = Math.min(this.#bytes, bytes);
  }

  sync(): Promise<void> {
    return this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  /** Rejects while the file cannot be removed; it is as it was then. */
  async remove(): Promise<void> {
    await this.#files.unlink(this.#path);
    // The name is gone, and the data with the process at the latest.
    await this.#file.close().catch(() => undefined);
  }
}
