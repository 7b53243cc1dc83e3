import type { Typed } from "rhea";
import type { DeadLetter, Message } from "../../broker/model.js";
import { types } from "../rhea.js";
import {
  APPLICATION_PROPERTIES,
  HEADER,
  MESSAGE_ANNOTATIONS,
  PROPERTIES,
  readSections,
  startOfBareMessage,
  type Section,
} from "./sections.js";
import { pairsOf, readPairs, readTyped, writeMapSection } from "./typed.js";

/** How a message is shown: to a receiver, or to somebody who peeks. */
export interface View {
  /** Wall time; absent without a lock. */
  readonly lockedUntil?: number | undefined;
  /** `received`: a message that was scheduled says so even when it is active, as the service's do. */
  readonly received: boolean;
}

/** Values of `x-opt-message-state`. */
const STATES = { active: 0, deferred: 1, scheduled: 2 } as const;

const MOST_HEADER_BYTES = 32;
/** Of what the broker says itself. */
const MOST_ANNOTATION_BYTES = 320;
const LARGEST_UINT = 0xffff_ffff;
const NULL = 0x40;
const STR32 = 0xb1;

const KEYS = {
  sequenceNumber: symbol("x-opt-sequence-number"),
  enqueuedTime: symbol("x-opt-enqueued-time"),
  lockedUntil: symbol("x-opt-locked-until"),
  state: symbol("x-opt-message-state"),
  scheduledEnqueueTime: symbol("x-opt-scheduled-enqueue-time"),
  deadLetterSource: symbol("x-opt-deadletter-source"),
  enqueueSequenceNumber: symbol("x-opt-enqueue-sequence-number"),
} as const;

/** The message with header and annotations as they are now, encoded (AMQP 1.0, 3.2). Written by hand: this is the hottest path. */
export function encodeMessage(message: Message, view: View): Buffer {
  const content = message.content.read() as Buffer;
  const { status } = message;
  const sections = readSections(content);
  const bareStart = startOfBareMessage(sections);
  const letter = status.deadLetter ?? status.forwarded?.letter;
  const changed = letter !== undefined || status.modified !== undefined;
  const annotations = annotationsOf(message, content, sections);
  const bytes = Buffer.allocUnsafe(
    MOST_HEADER_BYTES + annotations.mostBytes + (changed ? 0 : content.length - bareStart),
  );
  let at = writeHeader(bytes, message, view, content, sections);
  at = writeAnnotations(bytes, at, message, view, annotations);
  if (!changed) return bytes.subarray(0, at + content.copy(bytes, at, bareStart));
  const bare = withApplicationProperties(content, sections, bareStart, letter, status.modified);
  return Buffer.concat([bytes.subarray(0, at), ...bare]);
}

/** durable, priority, ttl, first-acquirer, delivery-count. SB-24: a receiver is told the effective time to live. */
function writeHeader(
  bytes: Buffer,
  message: Message,
  view: View,
  content: Buffer,
  sections: readonly Section[],
): number {
  const stored = sections.find(({ code }) => code === HEADER);
  const fields =
    stored === undefined ? [] : (readTyped(content.subarray(stored.value, stored.end)).value as (Typed | undefined)[]);
  const [durable, priority] = fields;
  const effective = message.expiresAt - message.status.enqueuedAt;
  const ttl = view.received && Number.isFinite(effective) ? effective : message.timeToLive;

  let at = bytes.writeUIntBE(0x0053_70, 0, 3);
  at = bytes.writeUInt8(0xc0, at);
  const size = at++;
  at = bytes.writeUInt8(5, at);
  at = bytes.writeUInt8(durable?.value === true ? 0x41 : durable?.value === false ? 0x42 : NULL, at);
  if (typeof priority?.value === "number") at = bytes.writeUInt16BE(0x5000 | priority.value, at);
  else at = bytes.writeUInt8(NULL, at);
  at = ttl === undefined ? bytes.writeUInt8(NULL, at) : writeUint(bytes, Math.min(ttl, LARGEST_UINT), at);
  at = bytes.writeUInt8(NULL, at);
  at = writeUint(bytes, message.status.deliveryCount, at);
  bytes.writeUInt8(at - size - 1, size);
  return at;
}

interface Annotations {
  /** The sender's own: pairs, and how many. */
  readonly own: Buffer | undefined;
  readonly ownCount: number;
  /** Where a forwarded dead letter comes from. */
  readonly source: Buffer | undefined;
  readonly mostBytes: number;
}

function annotationsOf({ status }: Message, content: Buffer, sections: readonly Section[]): Annotations {
  const stored = sections.find(({ code }) => code === MESSAGE_ANNOTATIONS);
  // The sender's own were written as map32: 0xd1, size, count, pairs.
  const own = stored === undefined ? undefined : content.subarray(stored.value + 9, stored.end);
  const ownCount = stored === undefined ? 0 : content.readUInt32BE(stored.value + 5);

  const source = status.forwarded === undefined ? undefined : Buffer.from(status.forwarded.source);
  return { own, ownCount, source, mostBytes: MOST_ANNOTATION_BYTES + (source?.length ?? 0) + (own?.length ?? 0) };
}

function writeAnnotations(
  bytes: Buffer,
  start: number,
  { status }: Message,
  view: View,
  { own, ownCount, source }: Annotations,
): number {
  let at = bytes.writeUIntBE(0x0053_72, start, 3);
  at = bytes.writeUInt8(0xd1, at);
  const size = at;
  at += 8;
  let count = ownCount;
  const put = (key: Buffer, code: number, value: number): void => {
    at += key.copy(bytes, at);
    at = bytes.writeUInt8(code, at);
    if (code === 0x71) at = bytes.writeInt32BE(value, at);
    else at = writeInt64(bytes, value, at);
    count += 2;
  };
  put(KEYS.sequenceNumber, 0x81, status.sequenceNumber);
  put(KEYS.enqueuedTime, 0x83, status.enqueuedAt);
  if (view.lockedUntil !== undefined) put(KEYS.lockedUntil, 0x83, view.lockedUntil);
  const wasScheduled = view.received && status.state === "active" && status.scheduledNumber !== undefined;
  put(KEYS.state, 0x71, wasScheduled ? STATES.scheduled : STATES[status.state]);
  if (status.scheduledFor !== undefined) put(KEYS.scheduledEnqueueTime, 0x83, status.scheduledFor);
  const first = status.forwarded?.sequenceNumber ?? status.scheduledNumber;
  const before = first ?? (status.deadLetter === undefined ? undefined : status.sequenceNumber);
  if (before !== undefined) put(KEYS.enqueueSequenceNumber, 0x81, before);
  if (source !== undefined) {
    at += KEYS.deadLetterSource.copy(bytes, at);
    at = bytes.writeUInt32BE(source.length, bytes.writeUInt8(STR32, at));
    at += source.copy(bytes, at);
    count += 2;
  }
  if (own !== undefined) at += own.copy(bytes, at);
  bytes.writeUInt32BE(at - size - 4, size);
  bytes.writeUInt32BE(count, size + 4);
  return at;
}

/** SB-20, SB-36: what receivers have set, over what the sender wrote. */
function withApplicationProperties(
  content: Buffer,
  sections: readonly Section[],
  bareStart: number,
  deadLetter: DeadLetter | undefined,
  modified: string | undefined,
): Buffer[] {
  const stored = sections.find(({ code }) => code === APPLICATION_PROPERTIES);
  const all = new Map<string, Typed>();
  if (stored !== undefined) {
    for (const [key, value] of pairsOf(readTyped(content.subarray(stored.value, stored.end)))) all.set(key, value);
  }
  if (modified !== undefined) {
    for (const [key, value] of readPairs(Buffer.from(modified, "base64"))) all.set(key, value);
  }
  if (deadLetter?.reason !== undefined) all.set("DeadLetterReason", types.wrap_string(deadLetter.reason));
  if (deadLetter?.description !== undefined) {
    all.set("DeadLetterErrorDescription", types.wrap_string(deadLetter.description));
  }
  const place = stored?.start ?? sections.find(({ code }) => code === PROPERTIES)?.end ?? bareStart;
  const written = writeMapSection(
    APPLICATION_PROPERTIES,
    [...all].map(([key, value]) => [types.wrap_string(key), value] as const),
  );
  return [content.subarray(bareStart, place), written, content.subarray(stored?.end ?? place)];
}

function writeUint(bytes: Buffer, value: number, at: number): number {
  if (value === 0) return bytes.writeUInt8(0x43, at);
  return bytes.writeUInt32BE(value, bytes.writeUInt8(0x70, at));
}

function writeInt64(bytes: Buffer, value: number, at: number): number {
  const rounded = Math.round(value);
  bytes.writeInt32BE(Math.floor(rounded / 0x1_0000_0000), at);
  return bytes.writeUInt32BE(rounded >>> 0, at + 4);
}

function symbol(text: string): Buffer {
  return Buffer.concat([Buffer.from([0xa3, text.length]), Buffer.from(text, "ascii")]);
}
