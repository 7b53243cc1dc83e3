/**
 * Spans of a part of the stack, sent where OpenTelemetry's own variable says: OTLP/HTTP in JSON. Without it none are made. Ids, names and
 * numbers only, like all that a part tells of its work.
 */
import { randomBytes } from "node:crypto";

export interface PartSpan {
  readonly name: string;
  /** Of the caller. */
  readonly parent: TraceParent | undefined;
  /** This span, where others have been told of it already. */
  readonly own?: TraceParent;
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly end: number;
  readonly attributes: Readonly<Record<string, string | number | undefined>>;
  readonly failed?: boolean;
}

export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
}

/** A caller's or a callee's side is the app's to tell. */
const INTERNAL = 1;
const FAILED = 2;
const MOST_WAITING = 5_000;
const MOST_AT_ONCE = 500;
const BETWEEN_SENDS_MS = 250;
const LONGEST_SEND_MS = 3_000;

/** W3C Trace Context, section 3.2. */
export function parseTraceParent(text: unknown): TraceParent | undefined {
  const [, traceId, spanId] =
    /^[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}$/.exec(typeof text === "string" ? text : "") ?? [];
  return traceId === undefined || spanId === undefined ? undefined : { traceId, spanId };
}

/** Takes the spans of one part, and sends them in the background. What cannot be sent is dropped. */
export class SpanSender {
  readonly #service: string;
  readonly #endpoint: string;
  readonly #waiting: object[] = [];
  #isSending = false;

  constructor(service: string, endpoint = process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] ?? "") {
    this.#service = service;
    this.#endpoint = endpoint.replace(/\/+$/, "");
  }

  /** Ask before making a span: while false, `report` does nothing. */
  get wanted(): boolean {
    return this.#endpoint !== "";
  }

  report(span: PartSpan): void {
    if (!this.wanted || this.#waiting.length >= MOST_WAITING) return;
    this.#waiting.push(encode(span));
    if (this.#isSending) return;
    this.#isSending = true;
    setTimeout(() => void this.#send(), BETWEEN_SENDS_MS).unref();
  }

  async #send(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, MOST_AT_ONCE);
      const resource = { attributes: attributesOf({ "service.name": this.#service }) };
      await fetch(`${this.#endpoint}/v1/traces`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] }),
        signal: AbortSignal.timeout(LONGEST_SEND_MS),
      }).then(
        (response) => response.body?.cancel(),
        () => undefined,
      );
    }
    this.#isSending = false;
  }
}

function encode({ name, parent, own, start, end, attributes, failed = false }: PartSpan): object {
  return {
    traceId: own?.traceId ?? parent?.traceId ?? randomBytes(16).toString("hex"),
    spanId: own?.spanId ?? randomBytes(8).toString("hex"),
    ...(parent === undefined ? {} : { parentSpanId: parent.spanId }),
    name,
    kind: INTERNAL,
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributesOf(attributes),
    status: failed ? { code: FAILED } : {},
  };
}

const nanoseconds = (ms: number): string => String(BigInt(Math.round(ms * 1_000)) * 1_000n);

const attributesOf = (attributes: PartSpan["attributes"]): readonly object[] =>
  Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [{ key, value: typeof value === "number" ? { intValue: String(value) } : { stringValue: value } }],
  );
