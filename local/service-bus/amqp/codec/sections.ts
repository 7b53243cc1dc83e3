/**
 * Finds the sections of an encoded message (AMQP 1.0, 3.2) without decoding them, so that what a sender wrote is kept byte by byte:
 * decoding and encoding again would change types.
 */

export const HEADER = 0x70;
const DELIVERY_ANNOTATIONS = 0x71;
export const MESSAGE_ANNOTATIONS = 0x72;
export const PROPERTIES = 0x73;
export const APPLICATION_PROPERTIES = 0x74;
export const DATA = 0x75;

export interface Section {
  readonly code: number;
  readonly start: number;
  /** Where its value begins: behind the descriptor. */
  readonly value: number;
  readonly end: number;
}

/** Thrown for bytes that are no AMQP message. */
export class MalformedMessage extends Error {
  override readonly name = "MalformedMessage";
}

export function readSections(bytes: Buffer): Section[] {
  const sections: Section[] = [];
  let start = 0;
  try {
    while (start < bytes.length) {
      const { code, value } = readDescriptor(bytes, start);
      const end = skipValue(bytes, value);
      if (end > bytes.length) throw new MalformedMessage("A section is longer than the message.");
      sections.push({ code, start, value, end });
      start = end;
    }
  } catch (error) {
    if (error instanceof RangeError) throw new MalformedMessage("The message ends within a section.");
    throw error;
  }
  return sections;
}

/** Where the bare message begins: the part that no intermediary changes. */
export function startOfBareMessage(sections: readonly Section[]): number {
  const first = sections.find(
    ({ code }) => code !== HEADER && code !== DELIVERY_ANNOTATIONS && code !== MESSAGE_ANNOTATIONS,
  );
  return first?.start ?? sections.at(-1)?.end ?? 0;
}

function readDescriptor(bytes: Buffer, start: number): { code: number; value: number } {
  if (bytes.readUInt8(start) !== 0x00) throw new MalformedMessage("A message consists of described sections.");
  switch (bytes.readUInt8(start + 1)) {
    case 0x53: // smallulong
      return { code: bytes.readUInt8(start + 2), value: start + 3 };
    case 0x80: // ulong
      return { code: Number(bytes.readBigUInt64BE(start + 2)), value: start + 10 };
    default:
      throw new MalformedMessage("A section must have a numeric descriptor.");
  }
}

/** The position behind the value that begins at `start` (AMQP 1.0, 1.2: the format code tells the width). */
export function skipValue(bytes: Buffer, start: number): number {
  const code = bytes.readUInt8(start);
  if (code === 0x00) return skipValue(bytes, skipValue(bytes, start + 1));
  switch (code >>> 4) {
    case 0x4:
      return start + 1;
    case 0x5:
      return start + 2;
    case 0x6:
      return start + 3;
    case 0x7:
      return start + 5;
    case 0x8:
      return start + 9;
    case 0x9:
      return start + 17;
    case 0xa:
    case 0xc:
    case 0xe:
      return start + 2 + bytes.readUInt8(start + 1);
    case 0xb:
    case 0xd:
    case 0xf:
      return start + 5 + bytes.readUInt32BE(start + 1);
    default:
      throw new MalformedMessage(`There is no AMQP type 0x${code.toString(16)}.`);
  }
}
