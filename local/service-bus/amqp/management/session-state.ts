import { BrokerError } from "../../broker/error.js";
import { maxMessageBytes } from "../limits.js";
import { types } from "../rhea.js";
import { requiredText, type Operation } from "./operation.js";

/** How the SDK's null arrives: as JSON. */
const NULL_TEXT = "null";

/** SB-54. */
export const getSessionState: Operation = (request) => {
  const { queue } = request.target;
  const state = queue.sessionState(requiredText(request, "session-id"));
  return { body: { "session-state": state === undefined ? null : types.wrap_binary(state) } };
};

/** SB-54: null clears. */
export const setSessionState: Operation = async (request) => {
  const { queue } = request.target;
  const sessionId = requiredText(request, "session-id");
  const state = request.body["session-state"];
  if (state !== null && state !== undefined && !Buffer.isBuffer(state)) {
    throw new BrokerError("argument-error", "'session-state' must be binary.");
  }
  if (Buffer.isBuffer(state) && state.length > maxMessageBytes(queue)) {
    throw new BrokerError(
      "message-size-exceeded",
      `The state of a session may have ${maxMessageBytes(queue)} bytes at most.`,
    );
  }
  const clears = !Buffer.isBuffer(state) || state.toString("latin1") === NULL_TEXT;
  // A copy: the request's bytes are a part of what came from the socket.
  await queue.setSessionState(sessionId, clears ? undefined : Buffer.from(state));
  return {};
};
