import type { NegotiationShape } from "../contracts/shapes.js";
import type { Ports } from "../ports.js";
import { mapInTurn } from "./map-in-turn.js";

const CONVERSATIONS_AT_ONCE = 20;

/** Where the caller's client connects, with a token that names the caller. */
export const negotiate = (ports: Ports, caller: string): Promise<NegotiationShape> => ports.realtime.negotiate(caller);

/**
 * Puts the caller's socket into the rooms of the caller's conversations. A socket id of somebody else matches nothing. Removals
 * that happen meanwhile are found by reading the memberships again; what slips through even that, a deadline takes out.
 */
export async function join(
  ports: Ports,
  caller: string,
  socketId: string,
): Promise<{ conversations: readonly string[] }> {
  const before = await conversationsOf(ports, caller);
  await ports.realtime.joinSocket(caller, socketId, before);
  const after = new Set(await conversationsOf(ports, caller));
  const gone = before.filter((id) => !after.has(id));
  await ports.realtime.leaveSocket(caller, socketId, gone);
  return { conversations: before.filter((id) => after.has(id)) };
}

async function conversationsOf(ports: Ports, user: string): Promise<readonly string[]> {
  const ids = await ports.memberships.all(user);
  // The member's row in the conversation is what counts.
  const members = await mapInTurn(ids, CONVERSATIONS_AT_ONCE, async (id) => {
    const { member } = await ports.conversations.look(id, { user, headless: true });
    return member !== undefined;
  });
  return ids.filter((_, index) => members[index]);
}
