import { randomUUID } from "node:crypto";
import type { Typed } from "rhea";
import { BrokerError } from "../../broker/error.js";
import type { IncomingMessage } from "../../broker/model.js";
import { types } from "../rhea.js";
import {
  APPLICATION_PROPERTIES,
  DATA,
  HEADER,
  MalformedMessage,
  MESSAGE_ANNOTATIONS,
  PROPERTIES,
  readSections,
  startOfBareMessage,
  type Section,
} from "./sections.js";
import { pairsOf, readTyped, writeMapSection, writeTyped } from "./typed.js";

/** The message format of a batch: each data section is a complete encoded message. */
export const BATCH_FORMAT = 0x80013700;

const SCHEDULED_ENQUEUE_TIME = "x-opt-scheduled-enqueue-time";
/** Annotations that the broker alone gives; a sender's are dropped. */
const BROKER_ANNOTATIONS = new Set([
  "x-opt-deadletter-source",
  "x-opt-enqueue-sequence-number",
  "x-opt-enqueued-time",
  "x-opt-locked-until",
  "x-opt-message-state",
  "x-opt-sequence-number",
  SCHEDULED_ENQUEUE_TIME,
]);

/** SB-56. */
const LARGEST_HEAD_BYTES = 64 * 1024;
const LARGEST_PROPERTY_BYTES = 32 * 1024;

const MESSAGE_ID_FIELD = 0;
const GROUP_ID_FIELD = 10;

/** The messages of one transfer: one, or those of a batch. */
export function readTransfer(bytes: Buffer, format: number): IncomingMessage[] {
  try {
    if (format === 0) return [readMessage(bytes)];
    if (format !== BATCH_FORMAT) {
      throw new BrokerError("not-implemented", `Message format ${format} is not supported.`);
    }
    return readSections(bytes)
      .filter(({ code }) => code === DATA)
      .map(({ value, end }) => readMessage(readTyped(bytes.subarray(value, end)).value as Buffer));
  } catch (error) {
    if (error instanceof MalformedMessage) throw new BrokerError("argument-error", error.message);
    throw error;
  }
}

/**
 * Takes from an encoded message what the broker must know. Header and message annotations are the broker's to write; of them what a
 * sender has said of its own is kept, and the bare message byte by byte.
 */
export function readMessage(bytes: Buffer): IncomingMessage {
  const sections = readSections(bytes);
  const find = (code: number): Section | undefined => sections.find((section) => section.code === code);
  const bareStart = startOfBareMessage(sections);
  checkHead(bytes, sections);

  const parts: Buffer[] = [];
  const header = find(HEADER);
  let timeToLive: number | undefined;
  if (header !== undefined) {
    const fields = readTyped(bytes.subarray(header.value, header.end)).value as (Typed | undefined)[];
    timeToLive = numberOf(fields[2]);
    // Durability and priority mean nothing to the broker: kept for the receiver.
    if (isSet(fields[0]) || isSet(fields[1])) parts.push(bytes.subarray(header.start, header.end));
  }
  let scheduledFor: number | undefined;
  const annotations = find(MESSAGE_ANNOTATIONS);
  if (annotations !== undefined) {
    const pairs = pairsOf(readTyped(bytes.subarray(annotations.value, annotations.end)));
    scheduledFor = numberOf(pairs.find(([key]) => key === SCHEDULED_ENQUEUE_TIME)?.[1]);
    const kept = pairs.filter(([key]) => !BROKER_ANNOTATIONS.has(key));
    if (kept.length > 0) {
      const typed = kept.map(([key, value]) => [types.wrap_symbol(key), value] as const);
      parts.push(writeMapSection(MESSAGE_ANNOTATIONS, typed));
    }
  }
  const { section, messageId, sessionId, bytes: properties } = readProperties(bytes, find(PROPERTIES));
  parts.push(properties, bytes.subarray(section?.end ?? bareStart));
  return { content: Buffer.concat(parts), messageId, sessionId, timeToLive, scheduledFor };
}

interface Properties {
  readonly section: Section | undefined;
  readonly messageId: string;
  readonly sessionId: string | undefined;
  readonly bytes: Buffer;
}

/** A message without an id gets one: the SDK cannot complete a message that has none. */
function readProperties(bytes: Buffer, section: Section | undefined): Properties {
  const fields =
    section === undefined ? [] : (readTyped(bytes.subarray(section.value, section.end)).value as (Typed | undefined)[]);
  const group = fields[GROUP_ID_FIELD];
  const sessionId = isSet(group) ? String(group.value) : undefined;
  const id = fields[MESSAGE_ID_FIELD];
  if (section !== undefined && isSet(id)) {
    return { section, messageId: textOf(id), sessionId, bytes: bytes.subarray(section.start, section.end) };
  }
  const messageId = randomUUID();
  const list = (types as unknown as { List32(items: unknown[]): Typed }).List32([
    types.wrap_string(messageId),
    ...fields.slice(1),
  ]);
  const described = types.described(types.wrap_ulong(PROPERTIES), list) as Typed;
  return { section, messageId, sessionId, bytes: writeTyped(described) };
}

function checkHead(bytes: Buffer, sections: readonly Section[]): void {
  let size = 0;
  for (const { code, start, value, end } of sections) {
    if (code >= DATA) break;
    size += end - start;
    if (code !== APPLICATION_PROPERTIES || end - start <= LARGEST_PROPERTY_BYTES) continue;
    for (const [key, property] of pairsOf(readTyped(bytes.subarray(value, end)))) {
      if (writeTyped(property).length > LARGEST_PROPERTY_BYTES) {
        throw new BrokerError("argument-error", `The application property '${key}' is larger than 32 KB.`);
      }
    }
  }
  if (size > LARGEST_HEAD_BYTES) {
    throw new BrokerError("argument-error", "The header and the properties of a message may have 64 KB at most.");
  }
}

function isSet(value: Typed | undefined): value is Typed {
  return (value?.value ?? null) !== null;
}

/** Numbers, and timestamps in milliseconds. */
function numberOf(value: Typed | undefined): number | undefined {
  if (!isSet(value)) return undefined;
  const number = value.value instanceof Date ? value.value.getTime() : Number(value.value);
  return Number.isFinite(number) ? number : undefined;
}

/** Message ids may be ulong, uuid, binary or string (AMQP 1.0, 3.2.11 to 3.2.14); each is a key of its own. */
function textOf(id: Typed): string {
  const value: unknown = id.value;
  return Buffer.isBuffer(value) ? value.toString("hex") : String(value);
}
