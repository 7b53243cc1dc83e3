/** A message that could not be processed: how long it is parked, and what becomes of it. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** What carries no text is parked for this long; texts for what is left of their lives. */
export const COMMAND_LIFETIME_MS = 31 * DAY_MS;

/** How long a failure is remembered after it has ended. */
const REMEMBERED_MS = 30 * DAY_MS;
/** A redrive or discard that is not done after this long has lost its process. */
const UNFINISHED_AFTER_MS = MINUTE_MS;
const FIRST_RETRY_MS = 30 * SECOND_MS;
const LONGEST_RETRY_MS = 15 * MINUTE_MS;
/** After so many redrives by itself a failure waits for an operator. */
const MOST_RETRIES = 30;

export const FAILURE_STATES = ["parked", "redriven", "discarded", "expired"] as const;
export type FailureState = (typeof FAILURE_STATES)[number];

export interface Failure {
  readonly id: string;
  /** The queue whose message it was. */
  readonly queue: string;
  readonly reason: string;
  readonly detail: string;
  readonly conversationId?: string;
  readonly messageId?: string;
  readonly author?: string;
  readonly state: FailureState;
  readonly stateAt: Date;
  /** When it failed first, and last. */
  readonly at: Date;
  readonly lastAt: Date;
  /** Deliveries that failed, over all redrives. */
  readonly attempts: number;
  readonly redrives: number;
  /** When the message's time is over. */
  readonly endsAt: Date;
  /** The parked message's number in `failed-messages`. */
  readonly sequenceNumber: string;
  /** Whether that message is still there. */
  readonly isHeld: boolean;
  /** Waiting may help: redriven by itself. */
  readonly isTransient: boolean;
  readonly trace?: string;
}

/** Reasons that pass with the trouble that caused them. */
export const isPassing = (reason: string): boolean => reason === "attempts-exhausted" || reason === "not-taken-in-time";

export type Recording =
  /** Written down: defer the message. `failure` is absent when it stands there already. */
  | { readonly kind: "hold"; readonly failure?: Failure }
  /** A second copy of what is parked: away with it. */
  | { readonly kind: "copy" };

/**
 * What a message in `failed-messages` means, given what is known of its failure. `replaced` is then the number of a message
 * that is held no longer.
 */
export function record(
  known: Failure | undefined,
  found: Omit<Failure, "state" | "stateAt" | "at" | "redrives" | "isHeld" | "isTransient">,
): Recording {
  const fresh = { state: "parked", stateAt: found.lastAt, isHeld: true, isTransient: isPassing(found.reason) } as const;
  if (known === undefined) return { kind: "hold", failure: { ...found, ...fresh, at: found.lastAt, redrives: 0 } };
  if (known.sequenceNumber === found.sequenceNumber) return { kind: "hold" };
  // Who died between sending and returning sends again. After a redrive it is no copy: it has failed again.
  if (known.state === "parked" && known.isHeld) return { kind: "copy" };
  const { at, redrives, attempts } = known;
  return { kind: "hold", failure: { ...found, ...fresh, at, redrives, attempts: attempts + found.attempts } };
}

export const isOverdue = (failure: Failure, now: number): boolean => now >= failure.endsAt.getTime();

/** It ends: what is parked has to be sent or removed, and then to be let go of. */
export function ended(failure: Failure, state: Exclude<FailureState, "parked">, now: number): Failure {
  const redrives = failure.redrives + (state === "redriven" ? 1 : 0);
  return { ...failure, state, stateAt: new Date(now), redrives };
}

/** When the timer must look at it: it ends, it was left half done, or it can be forgotten. */
export function tendAt({ state, stateAt, isHeld, endsAt }: Failure): Date {
  if (state === "parked") return endsAt;
  return new Date(stateAt.getTime() + (isHeld ? UNFINISHED_AFTER_MS : REMEMBERED_MS));
}

/** When it is redriven by itself, if it is. */
export function retryAt({ state, isTransient, redrives, lastAt }: Failure): Date | undefined {
  if (state !== "parked" || !isTransient || redrives >= MOST_RETRIES) return undefined;
  return new Date(lastAt.getTime() + Math.min(FIRST_RETRY_MS * 2 ** redrives, LONGEST_RETRY_MS));
}
