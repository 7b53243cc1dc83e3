/**
 * How a write lies in a segment file: one record, whatever the number of commits in it, so that a crash leaves all of it or nothing.
 *
 *   magic  4 bytes   where a record may start: lets recovery look for life behind a damaged one
 *   length 4 bytes   of the payload
 *   crc32  4 bytes   of the payload
 *   payload          the changes: operation 1 byte, key length 2, key, and for a put value length 4, value;
 *                    or a seal: operation 1 byte, segment 4, bytes 4
 *
 * Numbers are little-endian.
 */
import { crc32 } from "node:zlib";

/** One entry that is put or taken away. */
export type Change = { readonly put: string; readonly value: Uint8Array } | { readonly remove: string };

const MAGIC = Buffer.from("\u0001SBL", "latin1");
const HEADER_BYTES = 12;
const PUT = 1;
const REMOVE = 2;
const SEAL = 3;
const SEAL_BYTES = 1 + 4 + 4;

/** What a put takes in a segment, without its record's header. */
export const putBytes = (keyBytes: number, valueBytes: number): number => 1 + 2 + keyBytes + 4 + valueBytes;

/** Where the value of a put lies: relative to the start of its record. */
export interface Placed {
  readonly key: string;
  /** Undefined for a remove. */
  readonly value?: { readonly offset: number; readonly length: number };
  readonly bytes: number;
}

/** A record for these changes, and where in it the values lie. */
export function encodeRecord(changes: readonly Change[]): {
  readonly record: Buffer;
  readonly placed: readonly Placed[];
} {
  let length = 0;
  for (const change of changes) {
    if ("put" in change) length += putBytes(Buffer.byteLength(change.put), change.value.length);
    else length += 3 + Buffer.byteLength(change.remove);
  }
  const record = Buffer.allocUnsafe(HEADER_BYTES + length);
  MAGIC.copy(record);
  record.writeUInt32LE(length, 4);
  let at = HEADER_BYTES;
  const placed = changes.map((change): Placed => {
    const start = at;
    at = record.writeUInt8("put" in change ? PUT : REMOVE, at);
    const keyBytes = record.write("put" in change ? change.put : change.remove, at + 2);
    at = record.writeUInt16LE(keyBytes, at) + keyBytes;
    if (!("put" in change)) return { key: change.remove, bytes: at - start };
    at = record.writeUInt32LE(change.value.length, at);
    const offset = at;
    record.set(change.value, at);
    at += change.value.length;
    return { key: change.put, value: { offset, length: change.value.length }, bytes: at - start };
  });
  record.writeUInt32LE(crc32(record.subarray(HEADER_BYTES)), 8);
  return { record, placed };
}

/** Says that an earlier segment ends here, whatever lies behind: writes that were refused and could not be cut off. */
export interface Seal {
  readonly segment: number;
  readonly bytes: number;
}

/** What a record that only seals takes: a segment may begin with one. */
export const SEAL_RECORD_BYTES = HEADER_BYTES + SEAL_BYTES;

export function encodeSeal({ segment, bytes }: Seal): Buffer {
  const record = Buffer.alloc(SEAL_RECORD_BYTES);
  MAGIC.copy(record);
  record.writeUInt32LE(SEAL_BYTES, 4);
  record.writeUInt8(SEAL, HEADER_BYTES);
  record.writeUInt32LE(segment, HEADER_BYTES + 1);
  record.writeUInt32LE(bytes, HEADER_BYTES + 5);
  record.writeUInt32LE(crc32(record.subarray(HEADER_BYTES)), 8);
  return record;
}

export interface DecodedRecord {
  readonly bytes: number;
  readonly placed: readonly Placed[];
  readonly seal?: Seal;
}

/** The record at `start` of a segment's content; undefined when there is no whole and sound one. */
export function decodeRecord(content: Buffer, start: number): DecodedRecord | undefined {
  if (start + HEADER_BYTES > content.length || content.compare(MAGIC, 0, 4, start, start + 4) !== 0) return undefined;
  const length = content.readUInt32LE(start + 4);
  const end = start + HEADER_BYTES + length;
  if (end > content.length || crc32(content.subarray(start + HEADER_BYTES, end)) !== content.readUInt32LE(start + 8)) {
    return undefined;
  }
  if (length === SEAL_BYTES && content.readUInt8(start + HEADER_BYTES) === SEAL) {
    const at = start + HEADER_BYTES + 1;
    return {
      bytes: end - start,
      placed: [],
      seal: { segment: content.readUInt32LE(at), bytes: content.readUInt32LE(at + 4) },
    };
  }
  const placed: Placed[] = [];
  for (let at = start + HEADER_BYTES; at < end;) {
    const from = at;
    const operation = content.readUInt8(at);
    const keyEnd = at + 3 + content.readUInt16LE(at + 1);
    const key = content.toString("utf8", at + 3, keyEnd);
    at = keyEnd;
    if (operation === PUT) {
      const valueBytes = content.readUInt32LE(at);
      const value = { offset: at + 4 - start, length: valueBytes };
      at += 4 + valueBytes;
      placed.push({ key, value, bytes: at - from });
    } else {
      placed.push({ key, bytes: at - from });
    }
  }
  return { bytes: end - start, placed };
}

/** Whether any sound record lies behind `start`: then what is damaged there is not just the end that a crash cut off. */
export function hasRecordBehind(content: Buffer, start: number): boolean {
  for (let at = content.indexOf(MAGIC, start + 1); at !== -1; at = content.indexOf(MAGIC, at + 1)) {
    if (decodeRecord(content, at) !== undefined) return true;
  }
  return false;
}
