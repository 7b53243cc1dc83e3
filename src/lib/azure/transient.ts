/** Tells trouble that passes from trouble that stays, for every Azure client alike. */
import { DayflyError } from "../errors.js";

/** Statuses after which the same request may succeed (learn.microsoft.com, best-practices/retry-service-specific). */
// 401 and 403 are among them: a role that has just been assigned takes minutes, and nothing that a caller sends causes them.
const PASSING_STATUSES = new Set([401, 403, 408, 429, 500, 502, 503, 504]);
/** Statuses that say that the request itself is at fault: the same one will be refused again. */
const REFUSING_STATUSES = new Set([400, 411, 413, 414, 415, 431]);

const PASSING_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "REQUEST_SEND_ERROR",
  // Of Service Bus, which does not mark all of them as retryable.
  "ServiceBusy",
  "ServiceTimeout",
  "ServiceCommunicationProblem",
  "UnauthorizedAccess",
  "QuotaExceeded",
]);

interface ClientError {
  readonly statusCode?: unknown;
  readonly code?: unknown;
  readonly retryable?: unknown;
  readonly name?: unknown;
  readonly errors?: unknown;
}

function passes(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const { statusCode, code, retryable, name, errors } = error as ClientError;
  if (typeof statusCode === "number") return PASSING_STATUSES.has(statusCode);
  if (retryable === true || name === "AbortError") return true;
  // After its own retries the Service Bus client throws all it met at once.
  if (Array.isArray(errors)) return errors.some(passes);
  return typeof code === "string" && PASSING_CODES.has(code);
}

function refuses(error: unknown): boolean {
  const { statusCode, code } = (error ?? {}) as ClientError;
  return typeof statusCode === "number" ? REFUSING_STATUSES.has(statusCode) : code === "MessageSizeExceeded";
}

/**
 * Runs a call to `dependency`; trouble that passes becomes `dependency-unavailable`, a request that it
 * does not take `dependency-refused`; the rest stays as it is.
 */
export async function calling<Result>(dependency: string, call: () => Promise<Result>): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (refuses(error))
      throw new DayflyError("dependency-refused", { detail: `${dependency} refused the request.`, cause: error });
    if (!passes(error)) throw error;
    throw new DayflyError("dependency-unavailable", { detail: `${dependency} is not available.`, cause: error });
  }
}

/** The HTTP status in an Azure client's error, if it has one. */
export const statusOf = (error: unknown): number | undefined =>
  typeof error === "object" && error !== null && typeof (error as ClientError).statusCode === "number"
    ? ((error as ClientError).statusCode as number)
    : undefined;
