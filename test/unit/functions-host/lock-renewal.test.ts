import { expect, test } from "@jest/globals";
import { ManualClock } from "../../../local/clock/clock.js";
import { renewLock } from "../../../local/functions-host/triggers/service-bus/lock-renewal.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function lock(options: { seconds?: number; forMs?: number; failure?: Error & { retryable?: boolean } } = {}) {
  const clock = new ManualClock();
  const renewed: number[] = [];
  const errors: unknown[] = [];
  const lockMs = (options.seconds ?? 60) * 1000;
  const renewal = renewLock({
    clock,
    lockedUntil: clock.now() + lockMs,
    forMs: options.forMs ?? Infinity,
    renew: () => {
      renewed.push(clock.uptime() / 1000);
      return options.failure === undefined
        ? Promise.resolve(new Date(clock.now() + lockMs))
        : Promise.reject(options.failure);
    },
    onError: (error) => errors.push(error),
  });
  const pass = async (seconds: number): Promise<void> => {
    for (let i = 0; i < seconds; i++) {
      clock.advance(1000);
      await settle();
    }
  };
  return { clock, renewal, renewed, errors, pass };
}

test("renews ten seconds before the end, again and again", async () => {
  const { pass, renewed } = lock();
  await pass(151);
  expect(renewed).toEqual([50, 100, 150]);
});

test("renews a short lock at half of it", async () => {
  const { pass, renewed } = lock({ seconds: 6 });
  await pass(10);
  expect(renewed).toEqual([3, 6, 9]);
});

test("a clock that jumps changes nothing, forth or back", async () => {
  const each = lock();
  each.clock.jump(24 * 3_600_000);
  await each.pass(51);
  each.clock.jump(-24 * 3_600_000);
  await each.pass(50);
  expect(each.renewed).toEqual([50, 100]);
});

test("a jump that only the broker has seen does not make the lock longer", async () => {
  const clock = new ManualClock();
  const renewed: number[] = [];
  renewLock({
    clock,
    lockedUntil: clock.now() + 60_000,
    forMs: Infinity,
    renew: () => {
      renewed.push(clock.uptime() / 1000);
      return Promise.resolve(new Date(clock.now() + 24 * 3_600_000));
    },
    onError: () => undefined,
  });
  clock.advance(50_000);
  await settle();
  clock.advance(50_000);
  expect(renewed).toEqual([50, 100]);
});

test("stops when told, and when the time for renewing is over", async () => {
  const stopped = lock();
  await stopped.pass(50);
  stopped.renewal.stop();
  await stopped.pass(100);
  expect(stopped.renewed).toEqual([50]);

  const limited = lock({ forMs: 120_000 });
  await limited.pass(300);
  expect(limited.renewed).toEqual([50, 100]);

  const never = lock({ forMs: 0 });
  await never.pass(100);
  expect(never.renewed).toEqual([]);
});

test("a lock that is lost is lost; another error is tried again", async () => {
  const lost = lock({ failure: new Error("lost") });
  await lost.pass(200);
  expect([lost.renewed, lost.errors.length]).toEqual([[50], 1]);

  const transient = lock({ failure: Object.assign(new Error("busy"), { retryable: true }) });
  await transient.pass(56);
  expect(transient.renewed.length).toBeGreaterThan(1);
});
