/** Spans in the JSON of OTLP (opentelemetry-proto, trace/v1): ids in hexadecimal, times in nanoseconds as text. */
import type { Attributes, AttributeValue, HrTime } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

export const otlpOf = (service: string, spans: readonly ReadableSpan[]): object => ({
  resourceSpans: [
    {
      resource: { attributes: attributesOf({ "service.name": service }) },
      scopeSpans: [{ scope: { name: "dayfly" }, spans: spans.map(spanOf) }],
    },
  ],
});

function spanOf(span: ReadableSpan): object {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const parent = span.parentSpanContext?.spanId;
  return {
    ...{ traceId, spanId, flags: traceFlags },
    ...(parent === undefined ? {} : { parentSpanId: parent }),
    name: span.name,
    // The API counts from 0 (INTERNAL), the protocol has 0 for "unspecified".
    kind: span.kind + 1,
    startTimeUnixNano: nanoseconds(span.startTime),
    endTimeUnixNano: nanoseconds(span.endTime),
    attributes: attributesOf(span.attributes),
    status: { code: span.status.code },
  };
}

const nanoseconds = ([seconds, rest]: HrTime): string => `${String(seconds)}${String(rest).padStart(9, "0")}`;

const attributesOf = (attributes: Attributes): readonly object[] =>
  Object.entries(attributes).flatMap(([key, value]) => (value === undefined ? [] : [{ key, value: valueOf(value) }]));

function valueOf(value: AttributeValue): object {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  return { stringValue: String(value) };
}
