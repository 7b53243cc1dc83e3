import { BrokerError, type Refusal } from "../broker/error.js";
import { StartError } from "../../part.js";

const TITLES: Readonly<Record<number, string>> = {
  400: "The request is not valid",
  403: "Not from here",
  404: "Not found",
  405: "Method not allowed",
  409: "Not as things stand",
  413: "The body is too large",
  415: "Unsupported media type",
  500: "The service bus has failed",
  503: "Not now",
};

const STATUSES: Partial<Readonly<Record<Refusal, number>>> = {
  "argument-error": 400,
  "entity-not-found": 404,
  "message-not-found": 404,
  "not-allowed": 409,
  "quota-exceeded": 409,
};

/** Why a request is not answered as asked: RFC 9457. `detail` says what to do. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.status = status;
    this.headers = headers;
  }

  toJSON(): object {
    return { type: "about:blank", title: TITLES[this.status] ?? "Error", status: this.status, detail: this.message };
  }
}

/** Any error as a problem; undefined for one that nobody foresaw. */
export function problemFrom(error: unknown): Problem | undefined {
  if (error instanceof Problem) return error;
  if (error instanceof BrokerError) return new Problem(STATUSES[error.refusal] ?? 500, error.message);
  // Settings are read as those of the topology are.
  if (error instanceof StartError) return new Problem(400, error.message);
  return undefined;
}
