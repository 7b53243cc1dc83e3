/**
 * Blocking: who is blocked can start nothing with the blocker, add the blocker nowhere, and say nothing where there are only the
 * two. In larger conversations both stay what they are: members, whom either may leave.
 */
import { DayflyError } from "../errors.js";
import type { Ports } from "../ports.js";

/** Again changes nothing. @throws not-allowed for the caller's own self */
export async function blockUser({ blocks }: Ports, caller: string, user: string): Promise<void> {
  if (caller === user) throw new DayflyError("not-allowed", { detail: "Nobody blocks themselves." });
  await blocks.add(caller, user);
}

export const unblockUser = ({ blocks }: Ports, caller: string, user: string): Promise<void> =>
  blocks.remove(caller, user);

export const listBlocked = async (
  { blocks }: Ports,
  caller: string,
): Promise<{ readonly items: readonly string[] }> => ({
  items: await blocks.blockedBy(caller),
});

/** @throws blocked when one of the users has blocked the caller */
export async function requireWelcome({ blocks }: Ports, caller: string, users: readonly string[]): Promise<void> {
  const blockers = await blocks.blockersOf(caller);
  if (users.some((user) => blockers.includes(user))) throw new DayflyError("blocked");
}

/** @throws blocked when the caller is alone with somebody who has blocked the caller */
export async function requireHearing(ports: Ports, caller: string, conversationId: string): Promise<void> {
  const blockers = await ports.blocks.blockersOf(caller);
  // Almost always nobody, and then that was one small question.
  if (blockers.length === 0) return;
  const { members = [] } = (await ports.conversations.load(conversationId)) ?? {};
  const users = members.map(({ user }) => user);
  // Who is no member is told so by what follows.
  if (users.length > 2 || !users.includes(caller)) return;
  if (users.some((user) => blockers.includes(user))) throw new DayflyError("blocked");
}
