/**
 * Spans of what this app does, over OpenTelemetry's API alone: without a provider (`tracing/start.ts` sets one where an exporter is
 * configured) they cost nothing and the trace passes through as it came. Names and attributes are OpenTelemetry's semantic conventions (http,
 * messaging, faas) and ids: never content, an address with its query, a user or a token.
 */
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  isSpanContextValid,
  trace as api,
  type Attributes,
  type Context,
  type Span,
} from "@opentelemetry/api";
import { isDayflyError } from "./errors.js";
import type { Trace } from "./ports.js";

export { SpanKind };

export interface SpanOptions {
  readonly name: string;
  readonly kind: SpanKind;
  /** What caused it. */
  readonly parent: Trace;
  readonly attributes?: Attributes;
}

/**
 * Runs `work` in a span. `work` gets the trace to pass on: its causes have this span as their parent.
 * What is thrown goes on, and ends the span as failed, by its code or its kind alone.
 */
export async function inSpan<Result>(
  { name, kind, parent, attributes = {} }: SpanOptions,
  work: (trace: Trace, span: Span) => Promise<Result>,
): Promise<Result> {
  const span = api.getTracer("dayfly").startSpan(name, { kind, attributes }, contextOf(parent));
  try {
    return await work(carrierOf(span) ?? parent, span);
  } catch (error) {
    fail(span, errorTypeOf(error));
    throw error;
  } finally {
    span.end();
  }
}

/** Marks a span as failed. @param type a code or a kind, of which there are few */
export function fail(span: Span, type: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The ids of what an envelope, an event or a path is about, by their form: what is none stays out, whatever its name. */
export function idAttributes(fields: unknown): Attributes {
  if (typeof fields !== "object" || fields === null) return {};
  const attributes: Attributes = {};
  for (const [attribute, names] of ID_ATTRIBUTES) {
    const id = names.map((name) => (fields as Record<string, unknown>)[name]).find(isId);
    if (id !== undefined) attributes[attribute] = id;
  }
  return attributes;
}

const ID_ATTRIBUTES = [
  ["dayfly.conversation.id", ["conversation", "conversationId"]],
  ["dayfly.message.id", ["message", "messageId", "file", "id"]],
] as const;

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const isId = (value: unknown): value is string => typeof value === "string" && UUID.test(value);

/** W3C Trace Context, section 3.2; all of a version that is not known yet but its first four fields is left out. */
const TRACE_PARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(?:-|$)/;

function contextOf(parent: Trace): Context {
  const [, traceId = "", spanId = "", flags = "00"] = TRACE_PARENT.exec(parent ?? "") ?? [];
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return isSpanContextValid(spanContext) ? api.setSpanContext(ROOT_CONTEXT, spanContext) : ROOT_CONTEXT;
}

function carrierOf(span: Span): Trace {
  const context = span.spanContext();
  if (!isSpanContextValid(context)) return undefined;
  return `00-${context.traceId}-${context.spanId}-${context.traceFlags.toString(16).padStart(2, "0")}`;
}

/** Of a client's error its code, of any other its class: a text may quote what a message said. */
function errorTypeOf(error: unknown): string {
  if (isDayflyError(error)) return error.code;
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  const type = [code, name].find((part) => typeof part === "string" && /^[\w.-]{1,64}$/.test(part));
  return typeof type === "string" ? type : "_OTHER";
}
