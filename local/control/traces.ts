/** `/v1/traces` and `/traces`: what the control takes of spans, and shows. */
import { parseDuration } from "../clock/duration.js";
import { RequestError, type LocalAnswer, type LocalRequest } from "../loopback-server.js";
import type { SpanStore } from "./span-store.js";

const DEFAULT_LIMIT = 50;
const LARGEST_LIMIT = 1_000;
const DEFAULT_TIMEOUT_MS = 30_000;

/** Answers what is about spans; undefined for every other path. */
export async function answerTraces(
  { method, url, body, signal }: LocalRequest,
  spans: SpanStore,
): Promise<LocalAnswer | undefined> {
  const { pathname, searchParams } = url;
  if (method === "POST" && pathname === "/v1/traces") {
    spans.take(body);
    // Nothing was refused: an ExportTraceServiceResponse without `partialSuccess`.
    return { status: 200, body: {} };
  }
  if (method !== "GET") return undefined;
  if (pathname === "/traces")
    return { status: 200, body: { traces: spans.latest(limitOf(searchParams.get("limit"))) } };
  if (pathname === "/spans") return { status: 200, body: { spans: spans.all() } };
  const [, traceId] = /^\/traces\/([\da-f]{32})$/.exec(pathname) ?? [];
  if (traceId === undefined) return undefined;
  const names = searchParams.getAll("has");
  const wanted = { traceId, names, caller: searchParams.get("caller") ?? undefined };
  if (names.length > 0) await waitFor(spans, wanted, searchParams.get("timeout"), signal);
  const found = spans.trace(traceId);
  if (found.length === 0) throw new RequestError(404, "No span of this trace is known, or none any more.");
  return { status: 200, body: { traceId, spans: found } };
}

async function waitFor(
  spans: SpanStore,
  {
    traceId,
    names,
    caller,
  }: { readonly traceId: string; readonly names: readonly string[]; readonly caller: string | undefined },
  asked: string | null,
  hangUp: AbortSignal,
): Promise<void> {
  const timeoutMs = asked === null ? DEFAULT_TIMEOUT_MS : parseDuration(asked);
  if (timeoutMs === undefined) throw new RequestError(400, "timeout must be a duration such as 30s or PT30S.");
  const signal = AbortSignal.any([hangUp, AbortSignal.timeout(timeoutMs)]);
  if (await spans.until(traceId, names, caller, signal)) return;
  const known = spans.trace(traceId).map(({ name }) => name);
  const missing = spans.missing(traceId, names, caller).join("', '");
  throw new RequestError(503, `No span '${missing}' in time; there are '${known.join("', '")}'.`);
}

function limitOf(text: string | null): number {
  const limit = text === null ? DEFAULT_LIMIT : Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= LARGEST_LIMIT) return limit;
  throw new RequestError(400, `limit must be between 1 and ${LARGEST_LIMIT}.`);
}
