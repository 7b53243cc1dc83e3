/** Errors as problem details (RFC 9457), with a stable `code` from the catalogue. */
import type { HttpResponseInit } from "@azure/functions";
import { entryOf, type DayflyError } from "../errors.js";

/** Where a code is explained; relative, so that it holds wherever the API is served. */
const typeOf = (code: string): string => `https://github.com/dayfly/dayfly/blob/main/docs/errors.md#${code}`;

/**
 * The answer for an error of the catalogue.
 * @param traceId ties the answer to the log
 */
export function problemResponse(error: DayflyError, traceId: string | undefined): HttpResponseInit {
  const { status, title, retryable = false } = entryOf(error.code);
  return {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(error.retryAfterS === undefined ? {} : { "retry-after": String(error.retryAfterS) }),
      ...(status === 401 ? { "www-authenticate": challenge(error) } : {}),
    },
    body: JSON.stringify({
      type: typeOf(error.code),
      title,
      status,
      code: error.code,
      ...(error.detail === undefined ? {} : { detail: error.detail }),
      ...(error.errors === undefined ? {} : { errors: error.errors }),
      ...(traceId === undefined ? {} : { traceId }),
      retryable,
    }),
  };
}

/** RFC 6750, section 3: a request without any token gets no error code. */
const challenge = (error: DayflyError): string =>
  error.code === "token-missing" ? "Bearer" : 'Bearer error="invalid_token"';
