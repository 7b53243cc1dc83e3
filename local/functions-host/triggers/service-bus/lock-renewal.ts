/**
 * Renews a lock while it is needed. The SDK's own renewal compares wall clocks, and stops or storms when the clock is moved;
 * this one waits in uptime.
 */
import type { Clock, Timer } from "../../../clock/clock.js";

/** No lock lasts longer (https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement). */
const LONGEST_LOCK_MS = 5 * 60_000;
const SOONEST_MS = 500;
/** ReceiverManager.CalculateRenewDelay: this much before the end, or half of what is left. */
const BUFFER_MS = 10_000;

export interface LockRenewal {
  stop(): void;
}

/**
 * Renews until stopped, for `forMs` at most, or until a renewal fails for good.
 * @param lockedUntil the end of the lock as the broker's clock had it, in milliseconds since the epoch
 * @param renew resolves to the lock's new end
 */
export function renewLock(options: {
  readonly clock: Clock;
  readonly lockedUntil: number | undefined;
  readonly forMs: number;
  readonly renew: () => Promise<Date>;
  readonly onError: (error: unknown) => void;
}): LockRenewal {
  const { clock, forMs, renew, onError } = options;
  const started = clock.uptime();
  let timer: Timer | undefined;
  let stopped = false;
  let shortest = LONGEST_LOCK_MS;
  const arm = (lockedUntil: number): void => {
    // Broker and host may see a jump a moment apart: a lock is never believed to be longer than it once was.
    const left = Math.min(lockedUntil - clock.now(), shortest);
    if (left > 0) shortest = left;
    const base = left > 0 ? left : Math.min(shortest, 2 * BUFFER_MS);
    const delay = Math.max(SOONEST_MS, base - Math.min(BUFFER_MS, base / 2));
    if (clock.uptime() + delay - started > forMs) return;
    timer = clock.after(delay, () => {
      renew().then(
        (until) => {
          if (!stopped) arm(until.getTime());
        },
        (error: unknown) => {
          if (stopped) return;
          onError(error);
          if ((error as { retryable?: boolean }).retryable === true) arm(lockedUntil);
        },
      );
    });
  };
  if (forMs > 0 && lockedUntilKnown(options.lockedUntil)) arm(options.lockedUntil);
  return {
    stop: () => {
      stopped = true;
      timer?.cancel();
    },
  };
}

function lockedUntilKnown(time: number | undefined): time is number {
  return time !== undefined && !Number.isNaN(time);
}
