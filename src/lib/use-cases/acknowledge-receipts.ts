import type { Receipts } from "../contracts/http.js";
import { acknowledge, deliveredSeq, MAX_MEMBERS_WITH_RECEIPTS, readSeq } from "../domain/conversation.js";
import { DayflyError } from "../errors.js";
import type { Ports } from "../ports.js";
import { isApart } from "./block-user.js";
import { requireMembers } from "./membership.js";

/**
 * Moves the caller's watermarks forward and tells the others. One that lies behind changes nothing.
 * @throws conversation-unknown, receipt-ahead
 */
export async function acknowledgeReceipts(
  ports: Ports,
  caller: string,
  conversationId: string,
  marks: Receipts,
): Promise<void> {
  for (;;) {
    const { head, members, caller: own } = await requireMembers(ports, conversationId, caller);
    for (const [field, seq] of Object.entries(marks)) {
      if (seq !== undefined && seq > head.headSeq) {
        throw new DayflyError("receipt-ahead", {
          errors: [{ pointer: `/${field}`, detail: `the newest seq is ${String(head.headSeq)}` }],
        });
      }
    }
    const at = ports.clock.now();
    const moved = acknowledge(own, marks, at);
    if (moved === undefined) return;
    if (!(await ports.conversations.saveMember(conversationId, { ...moved, etag: own.etag }))) continue;
    if (members.length <= MAX_MEMBERS_WITH_RECEIPTS && !(await isApart(ports, caller, conversationId))) {
      // Passing: who misses it sees it in the conversation.
      await ports.realtime
        .publish("receipt.updated", {
          conversationId,
          at: new Date(at).toISOString(),
          user: caller,
          deliveredSeq: deliveredSeq(moved),
          readSeq: readSeq(moved),
        })
        .catch(() => undefined);
    }
    return;
  }
}
