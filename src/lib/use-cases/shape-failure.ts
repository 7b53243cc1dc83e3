import type { FailureShape } from "../contracts/operations.js";
import type { Failure } from "../domain/failure.js";
import { tracedBy } from "./trace-id.js";

/** How a failure looks to an operator: without what the message says. */
export function shapeFailure(failure: Failure): FailureShape {
  const { id, queue, reason, detail, messageId, conversationId, state, attempts, redrives, isTransient } = failure;
  return {
    ...{ id, queue, reason, detail },
    ...(messageId === undefined ? {} : { messageId }),
    ...(conversationId === undefined ? {} : { conversationId }),
    ...{ state, stateAt: failure.stateAt.toISOString() },
    ...{ at: failure.at.toISOString(), lastAt: failure.lastAt.toISOString(), attempts, redrives },
    ...{ endsAt: failure.endsAt.toISOString(), isTransient },
    ...tracedBy(failure.trace),
  };
}
