/**
 * Blocking: who is blocked can start nothing with the blocker, add the blocker nowhere, and open none of the blocker's files. Where
 * there are only the two, who is blocked says nothing, asks to keep nothing, and neither sees what the other is doing. In larger
 * conversations both stay what they are: members, whom either may leave.
 */
import { DayflyError } from "../errors.js";
import type { Member } from "../domain/conversation.js";
import type { Ports, Trace } from "../ports.js";
import { voidRequests } from "./keep-message.js";
import { reconsiderFiles } from "./settle-files.js";

/** Again changes nothing, but has what follows done again. @throws not-allowed for the caller's own self */
export async function blockUser(
  { blocks, queues, clock }: Ports,
  caller: string,
  user: string,
  trace: Trace,
): Promise<void> {
  if (caller === user) throw new DayflyError("not-allowed", { detail: "Nobody blocks themselves." });
  await blocks.add(caller, user);
  const at = new Date(clock.now());
  const key = `block:${caller}:${user}:${String(at.getTime())}`;
  // Who dies before this has not answered: the caller tries again.
  await queues.scheduleDeadline({ v: 1, kind: "block", user: caller, blocked: user }, at, key, trace);
}

/** What follows a block where both are members: views of the blocker's files end, and requests between the two come to nothing. */
export async function followBlock(ports: Ports, blocker: string, blocked: string, trace: Trace): Promise<number> {
  const isBlocked = (await ports.blocks.blockedBy(blocker)).includes(blocked);
  if (!isBlocked) return 0;
  const [own, others] = [await ports.memberships.all(blocker), new Set(await ports.memberships.all(blocked))];
  const shared = own.filter((id) => others.has(id));
  for (const conversationId of shared) {
    await reconsiderFiles(ports, conversationId, blocked, trace);
    const { members = [] } = (await ports.conversations.load(conversationId)) ?? {};
    if (arePair(members, blocker, blocked)) await voidRequests(ports, conversationId, trace);
  }
  return shared.length;
}

const arePair = (members: readonly Member[], one: string, other: string): boolean =>
  members.length === 2 && [one, other].every((user) => members.some((member) => member.user === user));

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

/** Whether the caller is alone with somebody who has blocked the caller. */
export async function isUnheard(ports: Ports, caller: string, conversationId: string): Promise<boolean> {
  return isAloneWith(ports, caller, conversationId, await ports.blocks.blockersOf(caller));
}

/** Whether the caller is alone with somebody, and one of them has blocked the other. */
export async function isApart(ports: Ports, caller: string, conversationId: string): Promise<boolean> {
  const both = await Promise.all([ports.blocks.blockersOf(caller), ports.blocks.blockedBy(caller)]);
  return isAloneWith(ports, caller, conversationId, both.flat());
}

/**
 * Whose receipts the caller sees: every member's, but where there are only the two and one of them has blocked the other. What it resolves to
 * may be asked for any of the caller's conversations.
 */
export async function receiptsShown(
  { blocks }: Ports,
  caller: string,
): Promise<(members: readonly Member[]) => readonly Member[]> {
  const apart = (await Promise.all([blocks.blockersOf(caller), blocks.blockedBy(caller)])).flat();
  return (members) =>
    apart.some((user) => arePair(members, caller, user)) ? members.filter(({ user }) => user === caller) : members;
}

async function isAloneWith(
  { conversations }: Ports,
  caller: string,
  conversationId: string,
  users: readonly string[],
): Promise<boolean> {
  // Almost always nobody, and then that was one small question.
  if (users.length === 0) return false;
  const { members = [] } = (await conversations.load(conversationId)) ?? {};
  // Who is no member is told so by what follows.
  return users.some((user) => arePair(members, caller, user));
}

/** @throws blocked when the caller is alone with somebody who has blocked the caller */
export async function requireHearing(ports: Ports, caller: string, conversationId: string): Promise<void> {
  if (await isUnheard(ports, caller, conversationId)) throw new DayflyError("blocked");
}
