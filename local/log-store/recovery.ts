/**
 * Reads the log back. Later records win.
 *
 * - An end that is not whole, with no sound record behind it in any segment, is what a crash leaves of its last write, which
 *   nobody was told had worked: it is cut off, and said. A bit that flips in the very last record looks the same.
 * - Damage with a sound record behind it is no crash's doing. To cut there would drop what was acknowledged, to skip it would
 *   bring back what a lost removal had removed: the start stops, and nothing is changed.
 */
import { readdir } from "node:fs/promises";
import { StartError } from "../part.js";
import type { Files } from "./files.js";
import type { LiveIndex } from "./live-index.js";
import { decodeRecord, hasRecordBehind, SEAL_RECORD_BYTES, type Seal } from "./record.js";
import { Segment } from "./segment.js";

/** Opens the segments of a folder, oldest first; at least one. They are in `segments` also when it rejects, to be closed. */
export async function openSegments(files: Files, directory: string, segments: Segment[]): Promise<void> {
  const numbers = (await readdir(directory)).flatMap((name) => Segment.numberOf(name) ?? []).sort((a, b) => a - b);
  for (const number of numbers.length === 0 ? [1] : numbers)
    segments.push(await Segment.open(files, directory, number));
}

/** @throws StartError when the log is damaged */
export async function replay(
  directory: string,
  segments: readonly Segment[],
  index: LiveIndex,
  onDamage: (text: string) => void,
): Promise<void> {
  for (const { segment: sealed, bytes } of await seals(segments)) {
    const segment = segments.find(({ number }) => number === sealed);
    if (segment === undefined || segment.bytes <= bytes) continue;
    segment.endAt(bytes);
    await segment.tryCut();
  }
  let buffer = Buffer.alloc(0);
  for (const [n, segment] of segments.entries()) {
    buffer = buffer.length < segment.bytes ? Buffer.allocUnsafeSlow(segment.bytes) : buffer;
    const content = await segment.read(segment.bytes, buffer);
    for (let at = 0; at < content.length;) {
      const record = decodeRecord(content, at);
      if (record === undefined) {
        const where = `${segment.name} in ${directory}, at byte ${at}`;
        if (hasRecordBehind(content, at) || (await anySound(segments.slice(n + 1)))) throw damaged(where);
        const dropped = content.length - at;
        await segment.cutAt(at);
        onDamage(
          `the end of the log was not whole and is cut off: ${where}, ${dropped} bytes dropped. A crash in the midst of a ` +
            "write leaves such an end; nothing that was acknowledged before it is lost.",
        );
        break;
      }
      for (const placed of record.placed) index.place(placed, segment.number, at);
      at += record.bytes;
    }
  }
}

async function seals(segments: readonly Segment[]): Promise<Seal[]> {
  const starts = await Promise.all(segments.map((segment) => segment.read(SEAL_RECORD_BYTES)));
  return starts.flatMap((start) => decodeRecord(start, 0)?.seal ?? []);
}

/** Whether a write has worked in any of these: a segment may have been begun in vain. */
async function anySound(segments: readonly Segment[]): Promise<boolean> {
  for (const segment of segments) {
    const content = await segment.read();
    if (decodeRecord(content, 0) !== undefined || hasRecordBehind(content, 0)) return true;
  }
  return false;
}

function damaged(where: string): StartError {
  return new StartError(
    `the log is damaged: ${where}, with sound records behind it. Nothing was changed, for what lies there was acknowledged. ` +
      "Restore the folder from a copy, or move it away to start empty.",
  );
}
