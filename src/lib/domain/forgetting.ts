/** What is left of a message when it has ended - its log entries, and what its id leads to - and when that goes as well. */
import { minuteOf } from "./deadline.js";

const HOUR_MS = 3_600_000;

/** So long after its end anybody can still learn that a message has ended. */
export const REMEMBERED_MS = 30 * 24 * HOUR_MS;

/** The minute from which on what ended at `endedAt` may be forgotten. A full hour: what ended in one hour goes together. */
export const forgetFrom = (endedAt: Date): string =>
  minuteOf(new Date((Math.floor((endedAt.getTime() + REMEMBERED_MS) / HOUR_MS) + 1) * HOUR_MS));

export const isForgettable = (endedAt: Date, now: number): boolean => now >= endedAt.getTime() + REMEMBERED_MS;

/** Whether the log entry is the last one about its message, which ended with it. */
export const tellsOfEnd = ({ type }: { readonly type: string }): boolean =>
  type === "message.expired" || type === "message.deleted" || type === "file.deleted";

interface Logged {
  readonly seq: number;
  readonly type: string;
  readonly at: Date;
}

/**
 * Up to which `seq` the log may go, given its oldest entries: up to the last one that tells of an end long past; undefined when none
 * does. Entries before it of messages that live on go along: nobody could ask for them, for the log is read without a gap.
 */
export function forgettableUpTo(oldest: readonly Logged[], now: number): number | undefined {
  const young = oldest.findIndex(({ at }) => !isForgettable(at, now));
  const past = young === -1 ? oldest : oldest.slice(0, young);
  return past.findLast(tellsOfEnd)?.seq;
}
