/** Sockets and rooms around a change of membership. */
import type { Ports } from "../ports.js";
import { isTransient } from "../errors.js";

/**
 * Puts the users' sockets into the room. What is in the tables decides who is a member: sockets that this misses come in
 * with their next `join`, so trouble here must not undo or fail the change.
 */
export async function admitQuietly(
  { realtime }: Ports,
  conversationId: string,
  users: readonly string[],
): Promise<void> {
  try {
    await realtime.admit(conversationId, users);
  } catch (error) {
    if (!isTransient(error)) throw error;
  }
}
