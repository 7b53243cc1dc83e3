/** What every HTTP function has in common: who calls, what came, and errors as problems. */
import type { HttpHandler, HttpRequest, HttpResponseInit, InvocationContext } from "@azure/functions";
import type { z } from "zod";
import { userFromPath } from "../domain/user.js";
import { DayflyError, entryOf, isDayflyError, isRefused, isTransient, type ErrorCode } from "../errors.js";
import { describeError } from "../describe-error.js";
import { services, tracing } from "../services.js";
import { SpanKind, fail, idAttributes, inSpan, type SpanOptions } from "../spans.js";
import type { Trace } from "../ports.js";
import type { Services } from "../services.js";
import { within } from "../within.js";
import type { Allowance } from "../use-cases/rate-limiter.js";
import { noted } from "../use-cases/audit.js";
import { AUDITED_FUNCTIONS } from "./audited-functions.js";
import { limitHeaders } from "./limits.js";
import { jsonBody } from "./body.js";
import { problemResponse } from "./problem.js";

type Schema = z.ZodType;
/** What stands for a part that an endpoint does not have. */
type None = z.ZodUndefined;

export interface Parts<Path, Query, Body> {
  readonly path?: Path;
  readonly query?: Query;
  readonly body?: Body;
  /** Without a body the request means the empty object. */
  readonly bodyOptional?: true;
}

export interface Call<Path, Query, Body> {
  readonly caller: string;
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
  readonly headers: HttpRequest["headers"];
  readonly trace: Trace;
  readonly ports: Services["ports"];
}

/** Nothing of a chat is for a cache, and no answer is to be taken for a page. */
const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "access-control-expose-headers": "Location, Retry-After, ETag, RateLimit, RateLimit-Policy",
};

/** An HTTP function for callers with a token. `answer` gets only what has passed the schemas. */
export const endpoint = <Path extends Schema = None, Query extends Schema = None, Body extends Schema = None>(
  parts: Parts<Path, Query, Body>,
  answer: (call: Call<z.infer<Path>, z.infer<Query>, z.infer<Body>>) => Promise<HttpResponseInit>,
): HttpHandler => authorized(parts, undefined, answer);

/** An HTTP function for operators: callers whose token has the role. */
export const operatorEndpoint = <Path extends Schema = None, Query extends Schema = None, Body extends Schema = None>(
  parts: Parts<Path, Query, Body>,
  answer: (call: Call<z.infer<Path>, z.infer<Query>, z.infer<Body>>) => Promise<HttpResponseInit>,
): HttpHandler => authorized(parts, "operator", answer);

function authorized<Path extends Schema = None, Query extends Schema = None, Body extends Schema = None>(
  parts: Parts<Path, Query, Body>,
  role: string | undefined,
  answer: (call: Call<z.infer<Path>, z.infer<Query>, z.infer<Body>>) => Promise<HttpResponseInit>,
): HttpHandler {
  const handler = openEndpoint(async (request, context, trace) => {
    const { authenticate, limits, ...built } = await services();
    const ports = within(built.ports, trace);
    await limits.admitAddress(request);
    const { user: caller, roles } = await authenticate(request.headers.get("authorization"));
    if (role !== undefined && !roles.includes(role)) throw new DayflyError("role-missing");
    const allowance = await limits.admitUser(context.functionName, request, caller);
    const path = parse(parts.path, pathOf(request), "parameter-invalid");
    const query = parse(parts.query, Object.fromEntries(request.query), "parameter-invalid");
    const body = parse(parts.body, await bodyOf(request, parts), "input-invalid");
    const { headers } = request;
    const action = AUDITED_FUNCTIONS[context.functionName];
    const act = (): Promise<HttpResponseInit> => answer({ caller, path, query, body, headers, ports, trace });
    const answered =
      action === undefined
        ? await act()
        : await noted(ports, { actor: caller, action, target: pathOf(request), trace }, act);
    return allowance === undefined ? answered : withLimits(answered, allowance);
  });
  // For tests that make requests up from them.
  return Object.assign(handler, { parts });
}

function bodyOf(request: HttpRequest, parts: Parts<unknown, unknown, unknown>): Promise<unknown> | undefined {
  if (parts.body === undefined) return undefined;
  const isEmpty = Number(request.headers.get("content-length") ?? 0) === 0 && !request.headers.has("transfer-encoding");
  return parts.bodyOptional === true && isEmpty ? Promise.resolve({}) : jsonBody(request);
}

/** An HTTP function for anybody. */
export function openEndpoint(
  answer: (request: HttpRequest, context: InvocationContext, trace: Trace) => Promise<HttpResponseInit>,
): HttpHandler {
  return async (request, context) => {
    await tracing();
    return inSpan(spanOf(request, context), async (trace, span) => {
      let response: HttpResponseInit;
      try {
        response = await answer(request, context, trace);
      } catch (error) {
        const known = asDayflyError(error, context);
        if (entryOf(known.code).status >= 500) fail(span, known.code);
        else span.setAttribute("error.type", known.code);
        response = problemResponse(known, trace?.split("-")[1]);
      }
      span.setAttribute("http.response.status_code", response.status ?? 200);
      return withHeaders(response);
    });
  };
}

/** A path may name users, so the route stands for it. */
function spanOf({ method, params }: HttpRequest, context: InvocationContext): SpanOptions {
  const { functionName, invocationId, traceContext, options } = context;
  const { route = functionName } = options.trigger as { readonly route?: string };
  return {
    name: `${method} ${route}`,
    kind: SpanKind.SERVER,
    parent: traceContext?.traceParent,
    attributes: {
      "faas.name": functionName,
      "faas.invocation_id": invocationId,
      "faas.trigger": "http",
      "http.request.method": method,
      "http.route": route,
      ...idAttributes(params),
    },
  };
}

const withLimits = (response: HttpResponseInit, allowance: Allowance): HttpResponseInit => ({
  ...response,
  headers: { ...limitHeaders(allowance), ...(response.headers as Record<string, string> | undefined) },
});

const withHeaders = (response: HttpResponseInit): HttpResponseInit => ({
  ...response,
  headers: { ...HEADERS, ...(response.headers as Record<string, string> | undefined) },
});

/** What the caller may know of an error. What is not meant for the caller goes to the log instead, once. */
function asDayflyError(error: unknown, context: InvocationContext): DayflyError {
  if (isDayflyError(error) && !isRefused(error)) {
    if (isTransient(error)) context.warn(error.message, describeError(error.cause));
    return error;
  }
  context.error("Unexpected error", describeError(isRefused(error) ? (error as DayflyError).cause : error));
  return new DayflyError("internal-error");
}

/** A user id in a path may have a slash, which the host leaves encoded. */
export function pathOf(request: HttpRequest): Record<string, string> {
  const { user, ...params } = request.params;
  return user === undefined ? params : { ...params, user: userFromPath(user) };
}

/** What the schema makes of the input. @throws `code`, with the fields that are wrong */
export function parse<Part extends Schema>(schema: Part | undefined, input: unknown, code: ErrorCode): z.infer<Part> {
  if (schema === undefined) return undefined as z.infer<Part>;
  const result = schema.safeParse(input);
  if (result.success) return result.data;
  throw new DayflyError(code, {
    errors: result.error.issues.map(({ path, message }) => ({ pointer: pointerOf(path), detail: message })),
  });
}

/** RFC 6901, section 3. */
const pointerOf = (path: readonly PropertyKey[]): string =>
  path.map((part) => `/${String(part).replace(/~/g, "~0").replace(/\//g, "~1")}`).join("");
