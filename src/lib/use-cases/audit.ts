import { isDayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";
import { tracedBy } from "./trace-id.js";

export interface Audited {
  readonly actor: string;
  /** `subject.verb`. */
  readonly action: string;
  /** Ids only. */
  readonly target: Readonly<Record<string, string>>;
  readonly trace: Trace;
}

type Needs = Pick<Ports, "audit" | "clock">;

const write = ({ audit, clock }: Needs, { actor, action, target, trace }: Audited, outcome: string): Promise<void> =>
  audit.add({ at: new Date(clock.now()), actor, action, target, outcome, ...tracedBy(trace) });

const outcomeOf = (error: unknown): string => (isDayflyError(error) ? error.code : "internal-error");

/**
 * Does what leaves a trace: that it is tried is written first, so that nothing is done unseen; how it went is written after.
 * @throws dependency-unavailable when the trail cannot be written, and then nothing was done
 */
export async function audited<Result>(ports: Needs, what: Audited, act: () => Promise<Result>): Promise<Result> {
  await write(ports, what, "tried");
  try {
    const result = await act();
    await write(ports, what, "done").catch(() => undefined);
    return result;
  } catch (error) {
    await write(ports, what, outcomeOf(error)).catch(() => undefined);
    throw error;
  }
}

/**
 * The same for what may be done again, with one entry, after it: a caller who is not told that it is done tries again, and
 * then stands in the trail.
 */
export async function noted<Result>(ports: Needs, what: Audited, act: () => Promise<Result>): Promise<Result> {
  let result: Result;
  try {
    result = await act();
  } catch (error) {
    await write(ports, what, outcomeOf(error)).catch(() => undefined);
    throw error;
  }
  await write(ports, what, "done");
  return result;
}
