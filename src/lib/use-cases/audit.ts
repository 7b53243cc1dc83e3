import { isDayflyError } from "../errors.js";
import type { Ports, Trace } from "../ports.js";

export interface Audited {
  readonly actor: string;
  /** `subject.verb`. */
  readonly action: string;
  /** Ids only. */
  readonly target: Readonly<Record<string, string>>;
  readonly trace: Trace;
}

/**
 * Does what leaves a trace: that it is tried is written first, so that nothing is done unseen; how it went is written after.
 * @throws dependency-unavailable when the trail cannot be written, and then nothing was done
 */
export async function audited<Result>(
  { audit, clock }: Pick<Ports, "audit" | "clock">,
  { actor, action, target, trace }: Audited,
  act: () => Promise<Result>,
): Promise<Result> {
  const traceId = trace?.split("-")[1];
  const write = (outcome: string): Promise<void> =>
    audit.add({
      at: new Date(clock.now()),
      ...{ actor, action, target, outcome },
      ...(traceId === undefined ? {} : { traceId }),
    });
  await write("tried");
  try {
    const result = await act();
    await write("done").catch(() => undefined);
    return result;
  } catch (error) {
    await write(isDayflyError(error) ? error.code : "internal-error").catch(() => undefined);
    throw error;
  }
}
