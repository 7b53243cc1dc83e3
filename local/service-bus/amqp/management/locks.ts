import { fromUuid } from "../lock-token.js";
import { types } from "../rhea.js";
import { requiredText, uuidsOf, type Operation } from "./operation.js";

const TIMESTAMP = 0x83;

/** SB-10. */
export const renewLock: Operation = (request) => {
  const { queue, place } = request.target;
  const locks = uuidsOf(request, "lock-tokens").map((uuid) => queue.findLock(place, fromUuid(uuid)));
  for (const lock of locks) queue.renew(place, lock);
  const expirations = locks.map((lock) => queue.lockedUntil(lock));
  return { body: { expirations: types.wrap_array(expirations, TIMESTAMP, undefined) } };
};

/** SB-52. */
export const renewSessionLock: Operation = (request) => {
  const { queue } = request.target;
  const lock = queue.heldSession(requiredText(request, "session-id"));
  queue.sessions.renew(lock);
  return { body: { expiration: types.wrap_timestamp(queue.lockedUntil(lock)) } };
};
