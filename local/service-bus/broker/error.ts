/** Why the broker refused something. The names are the service's; the AMQP layer maps them to conditions and status codes. */
export type Refusal =
  | "argument-error"
  | "entity-not-found"
  | "internal-error"
  | "message-lock-lost"
  | "message-not-found"
  | "message-size-exceeded"
  | "not-allowed"
  | "not-implemented"
  | "quota-exceeded"
  | "server-busy"
  | "session-cannot-be-locked"
  | "session-lock-lost"
  | "timeout"
  | "unauthorized";

export class BrokerError extends Error {
  override readonly name = "BrokerError";
  readonly refusal: Refusal;

  constructor(refusal: Refusal, message: string) {
    super(message);
    this.refusal = refusal;
  }
}

/** SB-17; the text is the service's. */
export function messageLockLost(): BrokerError {
  return new BrokerError(
    "message-lock-lost",
    "The lock supplied is invalid. Either the lock expired, or the message has already been removed from the queue, or was received by a different receiver instance.",
  );
}

/** SB-48; the wording is the service's. */
export function notAllowed(what: string): BrokerError {
  return new BrokerError("not-allowed", `It is not possible ${what}.`);
}

/** SB-52. */
export function sessionLockLost(sessionId: string): BrokerError {
  return new BrokerError(
    "session-lock-lost",
    `The session lock has expired on the MessageSession '${sessionId}'. Accept a new MessageSession.`,
  );
}

/** The text decides: the SDK takes anything else for a lost network. */
export function entityNotFound(host: string, entity: string): BrokerError {
  return new BrokerError("entity-not-found", `The messaging entity 'sb://${host}/${entity}' could not be found.`);
}

/** What an earlier version has left and this one does not read. A clause, without its first capital. */
export class UnknownData extends Error {
  override readonly name = "UnknownData";
}

const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A full disk is told as the service tells of a full entity: the SDK hands it to the sender at once, without trying again. */
export function storageRefused(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error;
  const { code } = error as { code?: unknown };
  if (typeof code === "string" && FULL.has(code)) {
    return new BrokerError(
      "quota-exceeded",
      `The disk is full (${code}): nothing of this was stored. Make room where the data are, and try again.`,
    );
  }
  return new BrokerError("internal-error", `The change could not be written to disk: ${String(error)}`);
}
