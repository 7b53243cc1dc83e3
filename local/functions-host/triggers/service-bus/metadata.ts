/**
 * What a Service Bus trigger hands to a function besides the body: the binding data of the .NET extension
 * (`ServiceBusTriggerBindingStrategy.cs`, version 5). The library makes the names camelCase, also inside application properties.
 */
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import type { Long, TypedData } from "../../rpc.js";
import { mergeBody } from "./body-merge.js";

/** What the SDK has, read with `skipParsingBodyAsJson`. */
export type Message = ServiceBusReceivedMessage;

/** A value as .NET has it; undefined is null. */
type Value =
  | { readonly kind: "string"; readonly value: string | undefined }
  | { readonly kind: "long"; readonly value: { readonly low: number; readonly high: number; toString(): string } }
  /** Already JSON text. */
  | { readonly kind: "json"; readonly value: string | undefined };

/** .NET's DateTime.MaxValue: the expiry of a message that never expires. */
const NEVER = "9999-12-31T23:59:59.9999999";

/** The body as the host hands it on: bytes are taken for UTF-8. */
export function bodyText(message: Message): string {
  const body = message.body as unknown;
  if (typeof body === "string") return body;
  if (body instanceof Uint8Array) return Buffer.from(body).toString("utf8");
  return body === undefined || body === null ? "" : JSON.stringify(body);
}

function bodyBytes(message: Message): Buffer {
  const body = message.body as unknown;
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.from(bodyText(message));
}

/** Input and metadata for `cardinality: "one"`. */
export function singleInput(
  message: Message,
  binary: boolean,
): { readonly data: TypedData; readonly metadata: Readonly<Record<string, TypedData>> } {
  const metadata: Record<string, TypedData> = {};
  for (const [name, value] of properties(message)) {
    const data = toTypedData(value);
    if (data !== undefined) metadata[name] = data;
  }
  if (binary) return { data: { bytes: bodyBytes(message) }, metadata };
  const text = bodyText(message);
  return { data: { string: text }, metadata: mergeBody(metadata, text) };
}

/**
 * Input and metadata for `cardinality: "many"`: an array per name. Empty and missing texts are dropped, bodies included, so that
 * such arrays do not line up with each other (the library does not declare IncludeEmptyEntriesInMessagePayload).
 */
export function batchInput(
  messages: readonly Message[],
  binary: boolean,
): { readonly data: TypedData; readonly metadata: Readonly<Record<string, TypedData>> } {
  const columns = new Map<string, Value[]>();
  for (const message of messages) {
    for (const [name, value] of properties(message)) {
      const column = columns.get(name);
      if (column === undefined) columns.set(name, [value]);
      else column.push(value);
    }
  }
  const metadata: Record<string, TypedData> = {};
  for (const [name, values] of columns) metadata[`${name}Array`] = toCollection(values);
  const data: TypedData = binary
    ? { collectionBytes: { bytes: messages.map(bodyBytes) } }
    : { collectionString: { string: messages.map(bodyText).filter((text) => text !== "") } };
  return { data, metadata };
}

function properties(message: Message): readonly (readonly [string, Value])[] {
  const text = (value: string | number | Buffer | null | undefined): Value => ({
    kind: "string",
    value: value?.toString(),
  });
  const json = (value: string | undefined): Value => ({ kind: "json", value });
  const applicationProperties = json(JSON.stringify(message.applicationProperties ?? {}));
  const expires = message.timeToLive === undefined ? undefined : message.expiresAtUtc;
  return [
    // The SDK counts from 0, .NET from 1.
    ["DeliveryCount", json(String((message.deliveryCount ?? 0) + 1))],
    ["DeadLetterSource", text(message.deadLetterSource)],
    ["LockToken", text(message.lockToken)],
    ["ExpiresAtUtc", json(JSON.stringify(dateTime(expires)))],
    ["ExpiresAt", json(JSON.stringify(`${dateTime(expires)}+00:00`))],
    ["EnqueuedTimeUtc", json(JSON.stringify(dateTime(message.enqueuedTimeUtc)))],
    ["EnqueuedTime", json(JSON.stringify(`${dateTime(message.enqueuedTimeUtc)}+00:00`))],
    ["MessageId", text(message.messageId)],
    ["ContentType", text(message.contentType)],
    ["ReplyTo", text(message.replyTo)],
    ["SequenceNumber", { kind: "long", value: message.sequenceNumber ?? { low: 0, high: 0, toString: () => "0" } }],
    ["To", text(message.to)],
    ["Subject", text(message.subject)],
    ["Label", text(message.subject)],
    ["CorrelationId", text(message.correlationId)],
    ["ApplicationProperties", applicationProperties],
    ["UserProperties", applicationProperties],
    ["SessionId", text(message.sessionId)],
    ["ReplyToSessionId", text(message.replyToSessionId)],
    ["PartitionKey", text(message.partitionKey)],
  ];
}

/** `DateTimeOffset.DateTime` has no kind: its text has no zone, and JavaScript reads it as local time. */
function dateTime(date: Date | undefined): string {
  return date === undefined || Number.isNaN(date.getTime()) ? NEVER : date.toISOString().replace(/\.?0*Z$/, "");
}

function toTypedData(value: Value): TypedData | undefined {
  if (value.kind === "long") return { json: value.value.toString() };
  if (value.value === undefined) return undefined;
  return value.kind === "string" ? { string: value.value } : { json: value.value };
}

function toCollection(values: readonly Value[]): TypedData {
  const texts: string[] = [];
  const longs: Long[] = [];
  const jsons: string[] = [];
  for (const each of values) {
    if (each.kind === "string") {
      if (each.value !== undefined && each.value !== "") texts.push(each.value);
    } else if (each.kind === "long") {
      longs.push({ low: each.value.low, high: each.value.high, unsigned: false });
    } else {
      jsons.push(each.value ?? "null");
    }
  }
  switch (values[0]?.kind) {
    case "string":
      return { collectionString: { string: texts } };
    case "long":
      return { collectionSint64: { sint64: longs } };
    default:
      return { json: `[${jsons.join(",")}]` };
  }
}
