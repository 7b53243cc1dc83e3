/** One file of the log. Only the newest is written to; the oldest is the next to be cleared. */
import { open, unlink, type FileHandle } from "node:fs/promises";
import path from "node:path";

export class Segment {
  readonly number: number;
  readonly #file: string;
  readonly #handle: FileHandle;
  #bytes: number;
  /** Something that a failed write has left behind the last whole record. */
  #dirty = false;

  private constructor(number: number, file: string, handle: FileHandle, bytes: number) {
    this.number = number;
    this.#file = file;
    this.#handle = handle;
    this.#bytes = bytes;
  }

  static async open(directory: string, number: number): Promise<Segment> {
    const file = path.join(directory, `${String(number).padStart(10, "0")}.log`);
    // "a" would ignore positions: a partial record could not be written over.
    const handle = await open(file, "r+").catch(async (error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      return open(file, "wx+");
    });
    const { size } = await handle.stat();
    return new Segment(number, file, handle, size);
  }

  static numberOf(fileName: string): number | undefined {
    const digits = /^(\d{10})\.log$/.exec(fileName)?.[1];
    return digits === undefined ? undefined : Number(digits);
  }

  get bytes(): number {
    return this.#bytes;
  }

  async read(): Promise<Buffer> {
    const content = Buffer.allocUnsafe(this.#bytes);
    let at = 0;
    while (at < content.length) {
      const { bytesRead } = await this.#handle.read(content, at, content.length - at, at);
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return content.subarray(0, at);
  }

  /**
   * Appends whole. On any failure nothing of it counts, and what of it reached the file is cut off at once, or, when the disk
   * refuses that too, before the next append: records that were refused must not be found at the next start.
   */
  async append(records: readonly Buffer[], sync: boolean): Promise<void> {
    if (this.#dirty) await this.cutAt(this.#bytes);
    this.#dirty = true;
    const whole = records.length === 1 ? (records[0] ?? Buffer.alloc(0)) : Buffer.concat(records);
    try {
      for (let at = 0; at < whole.length;) {
        const { bytesWritten } = await this.#handle.write(whole, at, whole.length - at, this.#bytes + at);
        if (bytesWritten === 0) throw Object.assign(new Error("The disk took nothing."), { code: "EIO" });
        at += bytesWritten;
      }
      if (sync) await this.#handle.datasync();
    } catch (error) {
      await this.cutAt(this.#bytes).catch(() => undefined);
      throw error;
    }
    this.#bytes += whole.length;
    this.#dirty = false;
  }

  async cutAt(bytes: number): Promise<void> {
    await this.#handle.truncate(bytes);
    this.#bytes = bytes;
    this.#dirty = false;
  }

  sync(): Promise<void> {
    return this.#handle.datasync();
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  async remove(): Promise<void> {
    await unlink(this.#file);
    await this.#handle.close();
  }
}
