/** Erasing an account: what is kept of how far it has come. */

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/**
 * So long after the first round comes the second one, for what was on its way: requests that overlapped the leaving, and texts
 * that nobody asked about because they came in time. Longer than that time and two clocks apart.
 */
export const SECOND_ROUND_MS = 5 * MINUTE_MS;
/** A text that comes this late is asked whether its author is erased. */
export const LATE_MS = MINUTE_MS;
/** A step that was not done for so long was lost. */
export const LOST_AFTER_MS = 15 * MINUTE_MS;
/** How long it can be seen that, and how, an account was erased; longer than any text that waits or is parked. */
export const ERASURE_KEPT_MS = 31 * DAY_MS;

/** What was done; messages are own ones that were still alive. */
export interface ErasedCounts {
  readonly conversations: number;
  readonly messages: number;
  readonly files: number;
  readonly scheduled: number;
  /** Messages of others that were kept with this user's consent. */
  readonly released: number;
  readonly failures: number;
}

export interface Erasure {
  readonly user: string;
  /** Stands in the user's place from now on; gone when it is done, so that nothing leads back. */
  readonly alias?: string;
  readonly state: "running" | "done";
  readonly startedAt: Date;
  readonly changedAt: Date;
  /** Before this the next step is not to be done. */
  readonly dueAt: Date;
  readonly round: 1 | 2;
  /** First the user leaves everywhere, then what is left there goes, at last what belongs to no conversation. */
  readonly phase: "leave" | "scrub" | "rest";
  /** The last conversation that is done with, within the phase. */
  readonly place?: string;
  /** Counts the steps, so that each has a key of its own. */
  readonly step: number;
  readonly counts: ErasedCounts;
}

const NOTHING: ErasedCounts = { conversations: 0, messages: 0, files: 0, scheduled: 0, released: 0, failures: 0 };

export const newErasure = (user: string, alias: string, startedAt: Date): Erasure => ({
  ...{ user, alias, state: "running", startedAt, changedAt: startedAt, dueAt: startedAt },
  ...{ round: 1, phase: "leave", step: 1, counts: NOTHING },
});

export function addCounts(counts: ErasedCounts, more: Partial<ErasedCounts>): ErasedCounts {
  const entries = Object.entries(counts) as [keyof ErasedCounts, number][];
  return Object.fromEntries(
    entries.map(([name, count]) => [name, count + (more[name] ?? 0)]),
  ) as unknown as ErasedCounts;
}

/** What comes after a phase that is through; undefined when that was the last one. */
export function phaseAfter({ round, phase }: Erasure): Pick<Erasure, "round" | "phase"> | undefined {
  switch (phase) {
    case "leave":
      return { round, phase: "scrub" };
    case "scrub":
      return round === 1 ? { round: 2, phase: "leave" } : { round, phase: "rest" };
    case "rest":
      return undefined;
  }
}

/** Whether what the user sent at that time is to be no more. Who comes back after it was done is somebody new. */
export const erases = (erasure: Pick<Erasure, "state" | "changedAt"> | undefined, at: Date): boolean =>
  erasure !== undefined && (erasure.state === "running" || at <= erasure.changedAt);
