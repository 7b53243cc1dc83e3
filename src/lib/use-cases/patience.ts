import { isTransient } from "../errors.js";
import type { Clock } from "../ports.js";

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;
/** Below the host's function time-out of 5 minutes, with room for the last try. */
const PATIENCE_MS = 3 * 60_000;

/**
 * Waits out trouble that passes: tries again after 1, 2, 4 … 30 s with jitter, then lets the error go. A function that throws
 * is redelivered at once, without a pause: inside the call is the only place where waiting costs no delivery count.
 */
export async function patiently<Result>(clock: Clock, attempt: () => Promise<Result>): Promise<Result> {
  let waited = 0;
  for (let wait = FIRST_WAIT_MS; ; wait = Math.min(2 * wait, LONGEST_WAIT_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isTransient(error) || waited >= PATIENCE_MS) throw error;
    }
    // Full instances that failed together must not come back together.
    const jittered = wait * (0.5 + clock.random() / 2);
    await clock.wait(jittered);
    waited += jittered;
  }
}

const PAUSE_BEFORE_THROWING_MS = 30_000;

/**
 * For dead-letter functions: when `attempt` fails, waits before it lets the error go. Delivery counts do not rise in a
 * dead-letter queue, so nothing else would keep a failing function from looping.
 */
export async function orPause<Result>(clock: Clock, attempt: () => Promise<Result>): Promise<Result> {
  try {
    return await attempt();
  } catch (error) {
    await clock.wait(PAUSE_BEFORE_THROWING_MS);
    throw error;
  }
}
