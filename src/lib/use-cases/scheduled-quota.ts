/**
 * How many texts of one user wait, in all conversations. A row for each, written before the text and removed after it, so that they are
 * never too few; what a process that died has left behind is found when the quota seems to be full.
 */
import { MAX_SCHEDULED } from "../domain/schedule.js";
import { DayflyError } from "../errors.js";
import type { Ports, Slot } from "../ports.js";
import { mapInTurn } from "./map-in-turn.js";

/** A row this young may be of a text that is just being written. */
const SETTLED_MS = 60_000;
const AT_ONCE = 10;

/** Takes a place among the user's waiting texts; again for the same text changes nothing. @throws schedule-full */
export async function takeSlot(ports: Ports, user: string, slot: Slot): Promise<void> {
  const now = ports.clock.now();
  // First the row, then the count: of two at once both may be refused, but never one too many be let in.
  await ports.slots.add(user, slot, new Date(now));
  const taken = await ports.slots.list(user, MAX_SCHEDULED + 1);
  if (taken.length <= MAX_SCHEDULED) return;
  const kept = await mapInTurn(taken, AT_ONCE, async (each) => {
    if (each.at.getTime() + SETTLED_MS > now) return true;
    const { conversationId, messageId } = each;
    const isWaiting = (await ports.conversations.scheduledText(conversationId, user, messageId)) !== undefined;
    if (!isWaiting) await ports.slots.remove(user, each);
    return isWaiting;
  });
  if (kept.every(Boolean)) {
    await ports.slots.remove(user, slot);
    throw new DayflyError("schedule-full");
  }
}

/** The text waits no longer. */
export const freeSlot = (
  { slots }: Pick<Ports, "slots">,
  { author, conversationId, messageId }: Waiting,
): Promise<void> => slots.remove(author, { conversationId, messageId });

interface Waiting extends Slot {
  readonly author: string;
}
