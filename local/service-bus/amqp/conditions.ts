import { BrokerError, type Refusal } from "../broker/error.js";
import { errorText, log } from "../log.js";
import type { AmqpError } from "./rhea.js";

interface Mapping {
  readonly condition: string;
  /** The status of an answer on `$management`. */
  readonly status: number;
}

/** How a refusal travels; the SDK makes its error code from the condition. */
const MAPPINGS: Readonly<Record<Refusal, Mapping>> = {
  "argument-error": { condition: "com.microsoft:argument-error", status: 400 },
  "entity-not-found": { condition: "amqp:not-found", status: 404 },
  "internal-error": { condition: "amqp:internal-error", status: 500 },
  "message-lock-lost": { condition: "com.microsoft:message-lock-lost", status: 410 },
  "message-not-found": { condition: "com.microsoft:message-not-found", status: 404 },
  "message-size-exceeded": { condition: "amqp:link:message-size-exceeded", status: 400 },
  "not-allowed": { condition: "amqp:not-allowed", status: 400 },
  "not-implemented": { condition: "amqp:not-implemented", status: 501 },
  "quota-exceeded": { condition: "amqp:resource-limit-exceeded", status: 403 },
  "server-busy": { condition: "com.microsoft:server-busy", status: 503 },
  "session-cannot-be-locked": { condition: "com.microsoft:session-cannot-be-locked", status: 410 },
  "session-lock-lost": { condition: "com.microsoft:session-lock-lost", status: 410 },
  timeout: { condition: "com.microsoft:timeout", status: 408 },
  unauthorized: { condition: "amqp:unauthorized-access", status: 401 },
};

export interface Problem extends Mapping {
  readonly description: string;
}

/** Any error as a peer is told of it. What the broker did not foresee is a defect: its text stays here. */
export function problemOf(error: unknown): Problem {
  if (error instanceof BrokerError) return { ...MAPPINGS[error.refusal], description: error.message };
  log("error", "An unexpected error.", { error: errorText(error) });
  return { ...MAPPINGS["internal-error"], description: "The server was unable to process the request." };
}

export function amqpErrorOf(error: unknown): AmqpError {
  const { condition, description } = problemOf(error);
  return { condition, description };
}
