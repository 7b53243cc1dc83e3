/** A message as people and tests want to see it. */
import { encodeMessage } from "../amqp/codec/outgoing.js";
import { outcomes } from "../amqp/rhea.js";
import type { Message } from "../broker/model.js";
import type { Queue } from "../broker/queue.js";

/** rhea's decoded message, as far as it is shown. */
interface Decoded {
  readonly subject?: unknown;
  readonly content_type?: unknown;
  readonly correlation_id?: unknown;
  readonly to?: unknown;
  readonly reply_to?: unknown;
  readonly reply_to_group_id?: unknown;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/** AMQP 1.0, 3.2.6 and 3.2.7. */
const DATA = 0x75;
const SEQUENCE = 0x76;

/** @param bodyBytes how much of a body is shown */
export function describeMessage(queue: Queue, message: Message, bodyBytes: number): object {
  const { status, lock } = message;
  const letter = status.deadLetter ?? status.forwarded?.letter;
  const decoded = outcomes.decode(encodeMessage(message, { received: false })) as Decoded;
  return {
    sequenceNumber: status.sequenceNumber,
    messageId: message.messageId,
    sessionId: message.sessionId,
    state: status.state,
    deliveryCount: status.deliveryCount,
    enqueuedTime: timeOf(status.enqueuedAt),
    expiresAt: timeOf(message.expiresAt),
    timeToLiveMs: message.timeToLive,
    scheduledEnqueueTime: timeOf(status.scheduledFor),
    lockedUntil: lock === undefined ? undefined : timeOf(queue.lockedUntil(lock)),
    deadLetterReason: letter?.reason,
    deadLetterErrorDescription: letter?.description,
    deadLetterSource: status.forwarded?.source,
    subject: plain(decoded.subject),
    contentType: plain(decoded.content_type),
    correlationId: plain(decoded.correlation_id),
    to: plain(decoded.to),
    replyTo: plain(decoded.reply_to),
    replyToSessionId: plain(decoded.reply_to_group_id),
    applicationProperties: plain(decoded.application_properties ?? {}),
    sizeInBytes: message.content.length,
    body: describeBody(decoded.body, bodyBytes),
  };
}

/** `json`, `text` or `base64` of a body of bytes; `value` or `sequence` of another. */
export function describeBody(body: unknown, limit: number): object {
  const section = body as { readonly typecode?: unknown; readonly content?: unknown } | null | undefined;
  if (section?.typecode === DATA) return describeBytes(bytesOf(section.content), limit);
  if (section?.typecode === SEQUENCE) return limited("sequence", section.content, limit);
  return limited("value", body, limit);
}

function describeBytes(bytes: Buffer, limit: number): object {
  const size = bytes.length;
  if (size > limit) {
    // Not in the middle of a character: what a decoder holds back at the end is not shown.
    const head = bytes.subarray(0, limit);
    const text = textOf(head, true);
    const shown = text === undefined ? { base64: head.toString("base64") } : { text };
    return { ...shown, sizeInBytes: size, truncated: true };
  }
  const text = textOf(bytes);
  if (text === undefined) return { base64: bytes.toString("base64"), sizeInBytes: size };
  try {
    return { json: JSON.parse(text) as unknown, sizeInBytes: size };
  } catch {
    return { text, sizeInBytes: size };
  }
}

function limited(kind: "value" | "sequence", content: unknown, limit: number): object {
  const shown = plain(content) ?? null;
  const text = JSON.stringify(shown);
  return text.length <= limit ? { [kind]: shown } : { text: text.slice(0, limit), truncated: true };
}

/** Undefined for bytes that are no UTF-8. */
function textOf(bytes: Buffer, cut = false): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes, { stream: cut });
  } catch {
    return undefined;
  }
}

/** Several data sections are one body. */
function bytesOf(content: unknown): Buffer {
  if (Buffer.isBuffer(content)) return content;
  return Array.isArray(content) ? Buffer.concat(content.map(bytesOf)) : Buffer.alloc(0);
}

/** What JSON has no word for: bytes as base64 (a number above 2^53 comes from rhea as bytes), times as ISO 8601. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined) return undefined;
  if (Buffer.isBuffer(value)) return { base64: value.toString("base64") };
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Date) return timeOf(value.getTime());
  if (Array.isArray(value)) return value.map((each) => plain(each) ?? null);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each) ?? null]));
  }
  return value;
}

/** Undefined without a time, or without an end. */
export function timeOf(time: number | undefined): string | undefined {
  if (time === undefined || !Number.isFinite(time)) return undefined;
  const date = new Date(time);
  // A time to live may reach beyond what a date can be.
  return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}
