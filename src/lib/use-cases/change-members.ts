import { MAX_MEMBERS, newMember, ownerOf } from "../domain/conversation.js";
import { DayflyError } from "../errors.js";
import type { LogStep, Ports, Trace } from "../ports.js";
import { reconsiderRequests } from "./keep-message.js";
import { requireMembers } from "./membership.js";
import { admitQuietly } from "./rooms.js";
import { reconsiderFiles } from "./settle-files.js";

/** How long after a removal the sockets are taken out once more: a join that overlapped it is over by then. */
const SECOND_EVICTION_MS = 30_000;

/**
 * Makes `user` a member from now on: nothing that was said before is readable. Adding a member again changes nothing.
 * @throws conversation-unknown, conversation-full
 */
export async function addMember(ports: Ports, caller: string, conversationId: string, user: string): Promise<void> {
  for (;;) {
    const { head, members } = await requireMembers(ports, conversationId, caller);
    const present = members.some((member) => member.user === user);
    if (!present && members.length >= MAX_MEMBERS) throw new DayflyError("conversation-full");
    const at = new Date(ports.clock.now());
    const seq = head.headSeq + 1;
    if (!present) {
      await ports.memberships.add(user, conversationId);
      const added = await ports.conversations.commit({
        ...updated(head, seq, at),
        membersAdded: [newMember(user, seq, at)],
      });
      if (!added) continue;
    }
    await admitQuietly(ports, conversationId, [user]);
    if (!present) await tell(ports, conversationId, seq, at);
    return;
  }
}

/**
 * Ends a membership, by the member or by the conversation's owner. When this has returned, no event published later reaches
 * the user's sockets, unless a join overlapped: then none after 30 s. Removing who is not a member changes nothing.
 * @throws conversation-unknown, not-allowed
 */
export async function removeMember(
  ports: Ports,
  caller: string,
  conversationId: string,
  user: string,
  trace: Trace,
): Promise<void> {
  for (;;) {
    const found = await ports.conversations.load(conversationId);
    const isMember = found?.members.some((member) => member.user === caller) === true;
    // Who has left and tries again, because the answer was lost, gets the same answer.
    if (found === undefined || (!isMember && !(caller === user && (await wasMember(ports, user, conversationId))))) {
      throw new DayflyError("conversation-unknown");
    }
    const { head, members } = found;
    if (caller !== user && ownerOf(head, members) !== caller) {
      throw new DayflyError("not-allowed", { detail: "Only the conversation's owner removes others." });
    }
    const at = new Date(ports.clock.now());
    const seq = head.headSeq + 1;
    const present = members.some((member) => member.user === user);
    if (present) {
      // Before the change it is for: should this process die after it, the sockets are taken out all the same.
      await ports.queues.scheduleDeadline(
        { v: 1, kind: "evict", conversation: conversationId, user },
        new Date(at.getTime() + SECOND_EVICTION_MS),
        `evict:${conversationId}:${String(seq)}`,
        trace,
      );
      if (!(await ports.conversations.commit({ ...updated(head, seq, at), membersRemoved: [user] }))) continue;
    }
    await ports.realtime.evict(conversationId, user);
    // The way back to what the user has left there, should the account be erased.
    await ports.former.add(user, conversationId, at);
    await ports.memberships.remove(user, conversationId);
    await reconsiderRequests(ports, conversationId, trace);
    await reconsiderFiles(ports, conversationId, user, trace);
    if (present) await tell(ports, conversationId, seq, at);
    return;
  }
}

/** The row in `memberships` goes last: as long as it is there, a removal may be unfinished. */
const wasMember = async (ports: Ports, user: string, conversationId: string): Promise<boolean> =>
  (await ports.memberships.all(user)).includes(conversationId);

const updated = (head: LogStep["head"], seq: number, at: Date): LogStep => ({
  head,
  next: { ...head, headSeq: seq },
  entries: [{ seq, type: "conversation.updated", at }],
});

/** The log says it already; an event that is lost is found by the next sync. */
async function tell(ports: Ports, conversationId: string, seq: number, at: Date): Promise<void> {
  await ports.realtime
    .publish("conversation.updated", { conversationId, seq, at: at.toISOString() })
    .catch(() => undefined);
}
