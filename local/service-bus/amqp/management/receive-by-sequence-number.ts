import { encodeMessage } from "../codec/outgoing.js";
import { toUuid } from "../lock-token.js";
import { types } from "../rhea.js";
import { numberOf, numbersOf, textOf, type Operation } from "./operation.js";

const RECEIVE_AND_DELETE = 0;
const PEEK_LOCK = 1;

/** SB-38 to SB-40: the only way to a deferred message. */
export const receiveBySequenceNumber: Operation = async (request) => {
  const { queue, place } = request.target;
  const deletes = numberOf(request, "receiver-settle-mode", PEEK_LOCK) === RECEIVE_AND_DELETE;
  const received = await queue.receiveDeferred(
    place,
    numbersOf(request, "sequence-numbers"),
    deletes ? "receive-and-delete" : "peek-lock",
    textOf(request, "session-id"),
  );
  const messages = received.map(({ message, lock }) => {
    const lockedUntil = lock === undefined ? undefined : queue.lockedUntil(lock);
    const bytes = encodeMessage(message, { lockedUntil, received: true });
    return lock === undefined
      ? { message: bytes }
      : { message: bytes, "lock-token": types.wrap_uuid(toUuid(lock.token)) };
  });
  return { body: { messages } };
};
