/** The order in which a trace's spans are shown: each below its cause. */

/** `GET /traces/{id}`. */
export interface Span {
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly service: string;
  readonly at: string;
  readonly durationMs: number;
  readonly failed: boolean;
}

export interface Row {
  readonly name: string;
  readonly service: string;
  /** How many causes it has in the trace. */
  readonly depth: number;
  /** Milliseconds since the trace's first span began. */
  readonly afterMs: number;
  readonly durationMs: number;
  readonly failed: boolean;
}

/** Causes before effects, effects in order of time; a span whose cause is not known (yet) stands at the top. */
export function rowsOf(spans: readonly Span[]): readonly Row[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const below = new Map<string, Span[]>();
  for (const span of spans) {
    const { parentSpanId = "" } = span;
    const cause = known.has(parentSpanId) ? parentSpanId : "";
    below.set(cause, [...(below.get(cause) ?? []), span]);
  }
  const begun = Math.min(...spans.map(({ at }) => Date.parse(at)));
  const rows: Row[] = [];
  const add = (cause: string, depth: number): void => {
    const effects = below.get(cause) ?? [];
    // Each once, whatever names whom as its cause.
    below.delete(cause);
    for (const span of effects.toSorted((a, b) => a.at.localeCompare(b.at))) {
      const { name, service, durationMs, failed } = span;
      rows.push({ name, service, depth, afterMs: Date.parse(span.at) - begun, durationMs, failed });
      add(span.spanId, depth + 1);
    }
  };
  add("", 0);
  return rows;
}
