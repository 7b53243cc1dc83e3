/** The spans that the parts of the stack have sent: the latest, in memory, by trace. */
import { RequestError } from "../loopback-server.js";

/** One span, as it is served. */
export interface StoredSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** `internal`, `server`, `client`, `producer`, `consumer`. */
  readonly kind: string;
  /** Who sent it. */
  readonly service: string;
  /** ISO 8601. */
  readonly at: string;
  readonly durationMs: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
}

export interface TraceSummary {
  readonly traceId: string;
  /** Its first span. */
  readonly name: string;
  readonly at: string;
  readonly durationMs: number;
  readonly spans: number;
  readonly failed: number;
}

const KEPT = 20_000;
const KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
const FAILED = 2;

export class SpanStore {
  readonly #most: number;
  /** In the order in which they were last heard of. */
  readonly #traces = new Map<string, StoredSpan[]>();
  readonly #waiting = new Set<() => void>();
  #count = 0;

  constructor(most = KEPT) {
    this.#most = most;
  }

  /** Takes what an OTLP/HTTP exporter posts. @throws RequestError for what is none */
  take(request: unknown): void {
    for (const span of spansOf(request)) this.#add(span);
    for (const look of this.#waiting) look();
  }

  /** In order of time; a cause comes before what it has caused. */
  trace(traceId: string): readonly StoredSpan[] {
    const spans = this.#traces.get(traceId) ?? [];
    const depths = depthsOf(spans);
    const depth = (span: StoredSpan): number => depths.get(span.spanId) ?? 0;
    return spans.toSorted((a, b) => a.at.localeCompare(b.at) || depth(a) - depth(b));
  }

  all(): readonly StoredSpan[] {
    return [...this.#traces.values()].flat();
  }

  /** The latest first. */
  latest(limit: number): readonly TraceSummary[] {
    return [...this.#traces.keys()]
      .slice(-limit)
      .reverse()
      .map((traceId) => summaryOf(traceId, this.trace(traceId)));
  }

  /**
   * Resolves when a trace has a span of each name, two where it is named twice, and the cause of each span that it
   * has; with false when that was not so in time. Parts send their spans when they like, so that an effect may come
   * before its cause.
   *
   * @param caller the span that asked, which is nobody's here; undefined where causes do not matter
   */
  async until(
    traceId: string,
    names: readonly string[],
    caller: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    while (this.missing(traceId, names, caller).length > 0) {
      if (signal.aborted) return false;
      await new Promise<void>((resolve) => {
        const look = (): void => {
          this.#waiting.delete(look);
          signal.removeEventListener("abort", look);
          resolve();
        };
        this.#waiting.add(look);
        signal.addEventListener("abort", look);
      });
    }
    return true;
  }

  /** Which of the names no span has yet, and which ids of causes. */
  missing(traceId: string, names: readonly string[], caller: string | undefined): readonly string[] {
    const missing = [...names];
    const spans = this.#traces.get(traceId) ?? [];
    for (const { name } of spans) {
      const found = missing.indexOf(name);
      if (found !== -1) missing.splice(found, 1);
    }
    if (caller === undefined) return missing;
    const known = new Set([caller, ...spans.map(({ spanId }) => spanId)]);
    const causes = spans.flatMap(({ parentSpanId = caller }) => parentSpanId);
    return [...missing, ...new Set(causes.filter((id) => !known.has(id)))];
  }

  #add(span: StoredSpan): void {
    const spans = this.#traces.get(span.traceId) ?? [];
    spans.push(span);
    this.#traces.delete(span.traceId);
    this.#traces.set(span.traceId, spans);
    this.#count += 1;
    if (this.#count <= this.#most) return;
    const [oldest = "", its = []] = this.#traces.entries().next().value ?? [];
    if (its === spans) {
      // One trace alone is more than is kept.
      spans.shift();
      this.#count -= 1;
    } else {
      this.#traces.delete(oldest);
      this.#count -= its.length;
    }
  }
}

/** How many of the trace's spans are above each. */
function depthsOf(spans: readonly StoredSpan[]): ReadonlyMap<string, number> {
  const parents = new Map(spans.map(({ spanId, parentSpanId }) => [spanId, parentSpanId]));
  const depths = new Map<string, number>();
  for (const { spanId } of spans) {
    let depth = 0;
    let above = parents.get(spanId);
    // A loop cannot be, but anybody may post.
    while (above !== undefined && depth < spans.length) {
      depth += 1;
      above = parents.get(above);
    }
    depths.set(spanId, depth);
  }
  return depths;
}

function summaryOf(traceId: string, spans: readonly StoredSpan[]): TraceSummary {
  const [first] = spans;
  const start = Date.parse(first?.at ?? "");
  const end = Math.max(...spans.map(({ at, durationMs }) => Date.parse(at) + durationMs));
  return {
    traceId,
    name: first?.name ?? "",
    at: first?.at ?? "",
    durationMs: Math.round(end - start),
    spans: spans.length,
    failed: spans.filter(({ failed }) => failed).length,
  };
}

interface OtlpAttribute {
  readonly key?: unknown;
  readonly value?: Readonly<Record<string, unknown>>;
}

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: readonly OtlpAttribute[];
  readonly status?: { readonly code?: number };
}

interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
}

function spansOf(request: unknown): readonly StoredSpan[] {
  try {
    return (request as OtlpRequest).resourceSpans.flatMap(({ resource, scopeSpans }) => {
      const service = String(attributesOf(resource?.attributes)["service.name"] ?? "unknown");
      return scopeSpans.flatMap(({ spans }) => spans.map((span) => stored(span, service)));
    });
  } catch {
    throw new RequestError(400, "Send an OTLP ExportTraceServiceRequest in JSON.");
  }
}

function stored(span: OtlpSpan, service: string): StoredSpan {
  const { traceId, spanId, parentSpanId = "", name, kind = 0, startTimeUnixNano, endTimeUnixNano } = span;
  if (!/^[\da-f]{32}$/i.test(traceId) || !/^[\da-f]{16}$/i.test(spanId)) throw new RangeError("no ids");
  const [start, end] = [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)];
  return {
    ...{ traceId, spanId },
    ...(parentSpanId === "" ? {} : { parentSpanId }),
    ...{ name, kind: KINDS[kind] ?? "unspecified", service },
    at: new Date(Number(start / 1_000_000n)).toISOString(),
    durationMs: Number((end - start) / 1_000n) / 1_000,
    failed: span.status?.code === FAILED,
    attributes: attributesOf(span.attributes),
  };
}

const attributesOf = (attributes: readonly OtlpAttribute[] = []): StoredSpan["attributes"] =>
  Object.fromEntries(attributes.map(({ key, value = {} }) => [String(key), plain(value)]));

/** An `AnyValue`; 64-bit integers are texts in JSON. */
function plain({ intValue, ...value }: Readonly<Record<string, unknown>>): string | number | boolean {
  if (intValue !== undefined) return Number(intValue);
  const [only] = Object.values(value);
  return typeof only === "string" || typeof only === "number" || typeof only === "boolean"
    ? only
    : JSON.stringify(only);
}
