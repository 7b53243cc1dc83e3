/**
 * Sends ended spans as OTLP/HTTP in JSON (opentelemetry.io, specs/otlp), in the background. A function neither waits for it nor hears of
 * its troubles: what finds no room, or is not taken, is dropped and counted.
 */
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Tracing } from "../config.js";
import { describeError } from "../describe-error.js";
import { otlpOf } from "./otlp.js";

const MOST_WAITING = 4_096;
const MOST_AT_ONCE = 512;
const BETWEEN_SENDS_MS = 500;
const LONGEST_SEND_MS = 3_000;

export class OtlpProcessor implements SpanProcessor {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #service: string;
  readonly #dropped: (count: number) => void;
  #waiting: ReadableSpan[] = [];
  #timer: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  #hasWarned = false;

  constructor(settings: Tracing, dropped: (count: number) => void) {
    this.#url = `${settings.OTEL_EXPORTER_OTLP_ENDPOINT.replace(/\/+$/, "")}/v1/traces`;
    this.#headers = { ...settings.OTEL_EXPORTER_OTLP_HEADERS, "content-type": "application/json" };
    this.#service = settings.OTEL_SERVICE_NAME;
    this.#dropped = dropped;
  }

  onStart(): void {
    // A span is sent when it has ended.
  }

  onEnd(span: ReadableSpan): void {
    // 1: sampled (W3C Trace Context, section 3.2.2.5.1).
    if ((span.spanContext().traceFlags & 1) === 0) return;
    if (this.#waiting.length >= MOST_WAITING) this.#dropped(1);
    else this.#waiting.push(span);
    if (this.#waiting.length >= MOST_AT_ONCE) void this.forceFlush();
    else this.#timer ??= setTimeout(() => void this.forceFlush(), BETWEEN_SENDS_MS).unref();
  }

  /** Resolves when all that has ended by now is sent, or dropped. */
  forceFlush(): Promise<void> {
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }

  async #sendAll(): Promise<void> {
    clearTimeout(this.#timer);
    while (this.#waiting.length > 0) await this.#send(this.#waiting.splice(0, MOST_AT_ONCE));
    this.#timer = undefined;
  }

  async #send(spans: readonly ReadableSpan[]): Promise<void> {
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: this.#headers,
        body: JSON.stringify(otlpOf(this.#service, spans)),
        signal: AbortSignal.timeout(LONGEST_SEND_MS),
      });
      await response.body?.cancel();
      if (!response.ok) throw Object.assign(new Error("refused"), { statusCode: response.status });
      this.#hasWarned = false;
    } catch (error) {
      this.#dropped(spans.length);
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      const { cause = error } = error as { readonly cause?: unknown };
      const [what] = describeError(cause).split(' "    at ');
      console.warn(`Spans could not be sent (${String(what)}). They are dropped and counted until they can be.`);
    }
  }
}
