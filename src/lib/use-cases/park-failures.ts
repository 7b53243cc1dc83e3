import { isOverdue } from "../domain/failure.js";
import { isDayflyError } from "../errors.js";
import type { Ports } from "../ports.js";
import { carryOut, endFailure, expireFailure } from "./end-failure.js";
import { recordFailure } from "./record-failure.js";

/** Of each kind in one run; what is left is the next one's. */
const MOST = 1_000;
const MOST_TENDED = 200;
const MOST_RETRIED = 50;

export interface Parking {
  readonly recorded: number;
  readonly tended: number;
  readonly retried: number;
}

/**
 * One run of the timer that has `failed-messages` to itself: writes down what has come and defers it, ends what is over, finishes
 * what was left half done, and redrives by itself what failed for trouble that has passed.
 * @param isHealthy whether everything that the backend needs answers; asked only when something waits for it
 */
export async function parkFailures(ports: Ports, isHealthy: () => Promise<boolean>): Promise<Parking> {
  const recorded = await ports.parked.receive(MOST, (message) => recordFailure(ports, message));
  const tended = await each(await ports.failures.toTend(now(ports), MOST_TENDED), (id) => tend(ports, id));
  const waiting = await ports.failures.toRetry(now(ports), MOST_RETRIED);
  const retried =
    waiting.length > 0 && (await isHealthy()) ? await each(waiting, (id) => endFailure(ports, id, "redriven")) : 0;
  ports.metrics.count("dayfly_failures_parked_total", recorded);
  ports.metrics.count("dayfly_failures_retried_total", retried);
  return { recorded, tended, retried };
}

const now = ({ clock }: Ports): Date => new Date(clock.now());

async function each(ids: readonly string[], act: (id: string) => Promise<unknown>): Promise<number> {
  let done = 0;
  for (const id of ids) {
    try {
      await act(id);
      done += 1;
    } catch (error) {
      // One that is in use, or has just ended, must not hold up the rest; it is found again.
      if (!isDayflyError(error)) throw error;
    }
  }
  return done;
}

async function tend(ports: Ports, id: string): Promise<void> {
  const failure = await ports.failures.get(id);
  if (failure === undefined) return;
  if (failure.state === "parked") {
    if (isOverdue(failure, ports.clock.now())) await expireFailure(ports, failure);
  } else if (failure.isHeld) {
    await carryOut(ports, failure);
  } else {
    await ports.failures.forget(failure);
  }
}
