/**
 * The catalogue of everything that can go wrong for a caller. A code is for ever; docs/errors.md explains each (a test
 * compares). An HTTP answer is a problem detail (RFC 9457); a message's failure carries the code alone.
 */

interface CatalogueEntry {
  readonly status: number;
  readonly title: string;
  /** Trying the very same again may succeed. */
  readonly retryable?: true;
  /** Seconds to wait before that, for `Retry-After`. */
  readonly retryAfter?: number;
}

export const CATALOGUE = {
  "body-missing": { status: 400, title: "The request needs a JSON body." },
  "body-not-json": { status: 400, title: "The body is not JSON." },
  "length-required": { status: 411, title: "The request came without Content-Length." },
  "body-too-large": { status: 413, title: "The body is too large." },
  "media-type-unsupported": { status: 415, title: "The body must be application/json." },
  "input-invalid": { status: 422, title: "Some fields are not as they must be." },
  "parameter-invalid": { status: 400, title: "A part of the address is not as it must be." },
  "cursor-invalid": { status: 400, title: "The cursor is not one that this list gave out." },
  "cursor-expired": { status: 410, title: "What has changed since then is not kept any more." },
  "token-missing": { status: 401, title: "The request needs a bearer token." },
  "token-invalid": { status: 401, title: "The bearer token is not valid." },
  "role-missing": { status: 403, title: "The token does not have the role that this needs." },
  "conversation-unknown": { status: 404, title: "There is no such conversation." },
  "conversation-id-taken": { status: 409, title: "The id belongs to another conversation." },
  "conversation-full": { status: 409, title: "The conversation has as many members as it can have." },
  blocked: { status: 403, title: "The other side wants nothing of the caller." },
  "not-allowed": { status: 403, title: "The caller may not do this." },
  "message-unknown-or-not-yet": {
    status: 404,
    title: "There is no such message, or it is not delivered yet.",
    retryable: true,
    retryAfter: 1,
  },
  "message-expired": { status: 410, title: "The message has expired." },
  "message-deleted": { status: 410, title: "Its author has taken the message back." },
  "message-edited": { status: 409, title: "The message says something else now." },
  "edit-too-late": { status: 409, title: "The time to change the message is over." },
  "message-already-sent": { status: 409, title: "The message has been sent." },
  "schedule-full": { status: 409, title: "Too many messages wait to be sent." },
  "retention-lapsed": { status: 409, title: "The message's time was over before everyone had agreed." },
  "retention-unavailable": { status: 409, title: "In a conversation this large, messages cannot be kept." },
  "message-id-taken": { status: 409, title: "The id belongs to another message." },
  "receipt-ahead": { status: 422, title: "The conversation has not come that far." },
  "failure-unknown": { status: 404, title: "There is no such failure." },
  "failure-ended": { status: 409, title: "The failure is not parked any more." },
  "failure-not-redrivable": {
    status: 409,
    title: "What came through the queue of failures has no queue to go back to.",
  },
  "job-unknown": { status: 404, title: "There is no such job." },
  "report-unknown": { status: 404, title: "There is no such report." },
  "evidence-missing": { status: 409, title: "Nothing can prove what the reported message said." },
  "file-too-large": { status: 413, title: "The file is larger than files may be." },
  "file-type-not-allowed": { status: 415, title: "Files of this type are not taken." },
  "file-quota-exceeded": { status: 429, title: "The caller has sent as many files as a day allows.", retryable: true },
  "file-unknown": { status: 404, title: "There is no such file." },
  "file-not-ready": { status: 409, title: "The file is not delivered yet.", retryable: true, retryAfter: 1 },
  "file-deleted": { status: 410, title: "The file is deleted." },
  "file-closed": { status: 409, title: "A reader has closed the file already." },
  "upload-missing": { status: 409, title: "Nothing has been uploaded yet.", retryable: true, retryAfter: 1 },
  "upload-expired": { status: 410, title: "The upload was not completed in time." },
  "upload-size-mismatch": { status: 422, title: "What was uploaded does not have the size that was declared." },
  "upload-hash-mismatch": { status: 422, title: "What was uploaded does not have the hash that was declared." },
  "upload-type-mismatch": { status: 415, title: "What was uploaded is not of the type that was declared." },
  "file-malicious": { status: 422, title: "The scanner takes the file for malicious." },
  "scan-unfinished": { status: 503, title: "The scanner did not come to a result in time." },
  "view-unknown": { status: 404, title: "The caller has no such view." },
  "view-open": { status: 409, title: "The caller has the file open already." },
  "view-closed": { status: 410, title: "The caller has closed the file." },
  "preview-over": { status: 409, title: "A reader has opened the file: its sender cannot any more." },
  "close-token-invalid": { status: 403, title: "The close token is not this view's." },
  "storage-keeps-deleted": { status: 503, title: "The storage account keeps what is deleted." },
  "dependency-unavailable": {
    status: 503,
    title: "A service that this needs is not available.",
    retryable: true,
    retryAfter: 2,
  },
  "rate-limited": { status: 429, title: "Too much in too short a time.", retryable: true },
  "internal-error": { status: 500, title: "Something went wrong on the server." },
  // Of messages alone: they never are an HTTP answer.
  "contract-violation": { status: 422, title: "The queued message is not what its queue carries." },
  "author-left": { status: 403, title: "When its time came, its author was not a member any more." },
  "dependency-refused": { status: 500, title: "A service that this needs refused it." },
  "not-taken-in-time": { status: 503, title: "Nobody took the queued message in its time." },
  "attempts-exhausted": { status: 503, title: "The message could not be delivered in many attempts." },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;

export type ErrorCode = keyof typeof CATALOGUE;

export const entryOf = (code: ErrorCode): CatalogueEntry => CATALOGUE[code];

export interface FieldError {
  /** JSON pointer (RFC 6901) to the field; for query and path a pointer to the parameter's name. */
  readonly pointer: string;
  readonly detail: string;
}

export interface ErrorOptions {
  readonly detail?: string;
  readonly errors?: readonly FieldError[];
  /** What would be allowed instead. */
  readonly allowed?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Seconds to wait; otherwise the catalogue's. */
  readonly retryAfterS?: number;
}

const MARK = Symbol.for("dayfly.error");

/** An error that the caller is meant to see. */
export class DayflyError extends Error {
  override readonly name = "DayflyError";
  readonly [MARK] = true;
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly errors: readonly FieldError[] | undefined;
  readonly retryAfterS: number | undefined;
  readonly allowed: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    super(options.detail ?? CATALOGUE[code].title, { cause: options.cause });
    this.code = code;
    this.detail = options.detail;
    this.errors = options.errors;
    this.retryAfterS = options.retryAfterS ?? entryOf(code).retryAfter;
    this.allowed = options.allowed;
  }
}

/** Recognised by a mark, not by class: a test may run in another realm. */
export const isDayflyError = (error: unknown): error is DayflyError =>
  typeof error === "object" && error !== null && MARK in error;

/** A dependency does not take what it was sent, and will not take it again. */
export const isRefused = (error: unknown): boolean => isDayflyError(error) && error.code === "dependency-refused";

/** A dependency did not answer, or asked to come back later: waiting may help. */
export const isTransient = (error: unknown): boolean => isDayflyError(error) && error.code === "dependency-unavailable";
