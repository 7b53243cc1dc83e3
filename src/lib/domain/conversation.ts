/** Who belongs to a conversation, what a member may read, and how far each one has got. */

export const MAX_MEMBERS = 90;

/** Above this many members nobody is told of receipts: everyone's every step to everyone is noise, and costs as such. */
export const MAX_MEMBERS_WITH_RECEIPTS = 20;

/** Above this many members a text cannot be kept: asking everyone is no longer a question (as Azure Communication Services' receipts). */
export const MAX_MEMBERS_WITH_RETENTION = 20;

/** How many steps of a member's watermark are kept, so that `delivery` can say when a message was acknowledged. */
const KEPT_STEPS = 64;

/** The head of a conversation: the one row whose ETag orders everything that happens in it. */
export interface Head {
  readonly conversationId: string;
  readonly title?: string;
  readonly createdBy: string;
  readonly createdAt: Date;
  /** The `seq` of the newest log entry; 0 before the first. */
  readonly headSeq: number;
  readonly lastMessageAt?: Date;
  /** The `seq` of the newest message; 0 before the first. */
  readonly lastMessageSeq: number;
}

/** A watermark moved to `seq` at `at` (milliseconds since the epoch). */
export type Step = readonly [seq: number, at: number];

export interface Member {
  readonly user: string;
  /** Nothing at or below it is ever readable by this member. */
  readonly joinedSeq: number;
  readonly joinedAt: Date;
  readonly delivered: readonly Step[];
  readonly read: readonly Step[];
}

export function newMember(user: string, joinedSeq: number, joinedAt: Date): Member {
  return { user, joinedSeq, joinedAt, delivered: [], read: [] };
}

export const deliveredSeq = (member: Member): number => member.delivered.at(-1)?.[0] ?? member.joinedSeq;
export const readSeq = (member: Member): number => member.read.at(-1)?.[0] ?? member.joinedSeq;

/** When the member's watermark passed `seq`; undefined when it has not. For long past messages the earliest step still kept. */
export function passedAt(steps: readonly Step[], seq: number): Date | undefined {
  const step = steps.find(([reached]) => reached >= seq);
  return step === undefined ? undefined : new Date(step[1]);
}

export interface Watermarks {
  readonly deliveredSeq?: number | undefined;
  readonly readSeq?: number | undefined;
}

/**
 * Moves a member's watermarks forward; they never go back. Who has read a message has received it, so `readSeq` takes
 * `deliveredSeq` along. Answers undefined when nothing moves.
 */
export function acknowledge(member: Member, marks: Watermarks, at: number): Member | undefined {
  const read = Math.max(marks.readSeq ?? 0, readSeq(member));
  const delivered = Math.max(marks.deliveredSeq ?? 0, read, deliveredSeq(member));
  if (read === readSeq(member) && delivered === deliveredSeq(member)) return undefined;
  return {
    ...member,
    delivered: advance(member.delivered, delivered, member.joinedSeq, at),
    read: advance(member.read, read, member.joinedSeq, at),
  };
}

function advance(steps: readonly Step[], seq: number, joinedSeq: number, at: number): readonly Step[] {
  if (seq <= (steps.at(-1)?.[0] ?? joinedSeq)) return steps;
  return [...steps, [seq, at] as const].slice(-KEPT_STEPS);
}

/** Who may remove others: the creator while a member, then whoever has been there longest. */
export function ownerOf(head: Head, members: readonly Member[]): string | undefined {
  if (members.some((member) => member.user === head.createdBy)) return head.createdBy;
  const [eldest] = [...members].sort(
    (a, b) => a.joinedSeq - b.joinedSeq || a.joinedAt.getTime() - b.joinedAt.getTime() || (a.user < b.user ? -1 : 1),
  );
  return eldest?.user;
}
