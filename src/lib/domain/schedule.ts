/** Texts that are to be sent later. */

const SECOND_MS = 1000;
const DAY_MS = 24 * 3_600_000;

/** A text can be scheduled between this and that long ahead. Sooner it is sent; later nobody remembers it. */
export const SOONEST_MS = 5 * SECOND_MS;
export const LATEST_MS = 30 * DAY_MS;

/** So many texts of one user may wait, in all conversations. */
export const MAX_SCHEDULED = 50;

/** A text that waits for its time. It is its author's alone. */
export interface ScheduledText {
  readonly conversationId: string;
  readonly messageId: string;
  readonly author: string;
  readonly text: string;
  readonly replyTo?: string | undefined;
  readonly sendAt: Date;
  readonly createdAt: Date;
  /** Rises with each change: what the broker delivers of an older one is dropped. */
  readonly version: number;
  /** The broker's number of the waiting message, once it is known. */
  readonly sequenceNumber?: string;
}

/** What is wrong with a time to send at; undefined when nothing is. */
export function scheduleProblem(sendAt: Date, now: number): string | undefined {
  const ahead = sendAt.getTime() - now;
  if (ahead >= SOONEST_MS && ahead <= LATEST_MS) return undefined;
  return `must be between ${String(SOONEST_MS / SECOND_MS)} seconds and ${String(LATEST_MS / DAY_MS)} days ahead`;
}
