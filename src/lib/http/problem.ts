/** Errors as problem details (RFC 9457), with a stable `code` from the catalogue. */
import type { HttpResponseInit } from "@azure/functions";
import { entryOf, type DayflyError } from "../errors.js";

/** Where a code is explained; relative, so that it holds wherever the API is served. */
const typeOf = (code: string): string => `https://github.com/dayfly/dayfly/blob/main/docs/errors.md#${code}`;

/** The problem detail of an error. @param traceId ties it to the log */
export function problemOf(error: DayflyError, traceId: string | undefined): Record<string, unknown> {
  const { status, title, retryable = false } = entryOf(error.code);
  return {
    type: typeOf(error.code),
    title,
    status,
    code: error.code,
    ...(error.detail === undefined ? {} : { detail: error.detail }),
    ...(error.errors === undefined ? {} : { errors: error.errors }),
    ...(error.allowed === undefined ? {} : { allowed: error.allowed }),
    ...(traceId === undefined ? {} : { traceId }),
    retryable,
  };
}

/** The answer for an error of the catalogue. */
export function problemResponse(error: DayflyError, traceId: string | undefined): HttpResponseInit {
  const { status } = entryOf(error.code);
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(error.retryAfterS === undefined ? {} : { "retry-after": String(error.retryAfterS) }),
      ...(status === 401 ? { "www-authenticate": challenge(error) } : {}),
    },
    body: JSON.stringify(problemOf(error, traceId)),
  };
}

/** RFC 6750, section 3: a request without any token gets no error code. */
const challenge = (error: DayflyError): string =>
  error.code === "token-missing" ? "Bearer" : 'Bearer error="invalid_token"';
