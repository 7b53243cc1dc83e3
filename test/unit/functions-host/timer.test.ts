import { describe, expect, test } from "@jest/globals";
import { ManualClock } from "../../../local/clock/clock.js";
import type { HostFunction } from "../../../local/functions-host/functions.js";
import type { InvocationResult, Trigger } from "../../../local/functions-host/invoke.js";
import type { RetryContext, RetryOptions } from "../../../local/functions-host/rpc.js";
import type { ScheduleMonitor, ScheduleStatus } from "../../../local/functions-host/triggers/timer/schedule-monitor.js";
import { retryDelay } from "../../../local/functions-host/triggers/timer/retry.js";
import { parseSchedule } from "../../../local/functions-host/triggers/timer/schedule.js";
import { TimerListener } from "../../../local/functions-host/triggers/timer/timer.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SUCCESS: InvocationResult = { succeeded: true, response: {} };
const FAILURE: InvocationResult = { succeeded: false, error: new Error("no") };

interface Run {
  readonly at: string;
  readonly isPastDue: boolean;
  readonly retry: RetryContext | undefined;
}

class Memory implements ScheduleMonitor {
  readonly statuses = new Map<string, ScheduleStatus>();
  load(): Promise<void> {
    return Promise.resolve();
  }
  get(timer: string): ScheduleStatus | undefined {
    return this.statuses.get(timer);
  }
  set(timer: string, status: ScheduleStatus): Promise<void> {
    this.statuses.set(timer, status);
    return Promise.resolve();
  }
  flushed(): Promise<void> {
    return Promise.resolve();
  }
}

/** Lets what hangs on promises that are settled happen. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function timer(
  schedule: string,
  options: {
    clock?: ManualClock;
    monitor?: Memory;
    binding?: object;
    retry?: RetryOptions;
    results?: InvocationResult[];
  } = {},
) {
  const { clock = new ManualClock(Date.UTC(2026, 0, 1)), monitor = new Memory(), results = [] } = options;
  const runs: Run[] = [];
  const binding = { type: "timerTrigger", direction: "in" as const, schedule, ...options.binding };
  const fn: HostFunction = {
    name: "tick",
    metadata: { name: "tick", bindings: { trigger: binding } },
    callback: () => undefined,
    triggerName: "trigger",
    trigger: binding,
    outputs: [],
    retry: options.retry,
    disabled: false,
  };
  let pending: (() => void) | undefined;
  let held = false;
  const listener = new TimerListener({
    fn,
    schedule: parseSchedule(schedule),
    clock,
    monitor,
    log: () => undefined,
    invoke: (_fn: HostFunction, trigger: Trigger, retry?: RetryContext) => {
      const input = JSON.parse(trigger.data.json ?? "") as { IsPastDue: boolean };
      runs.push({ at: new Date(clock.now()).toISOString(), isPastDue: input.IsPastDue, retry });
      const result = results.shift() ?? SUCCESS;
      if (!held) return Promise.resolve(result);
      return new Promise<InvocationResult>((resolve) => (pending = () => resolve(result)));
    },
  });
  return {
    clock,
    monitor,
    listener,
    runs,
    /** From now on runs last until `release`. */
    hold: (): void => void (held = true),
    release: async (): Promise<void> => {
      held = false;
      pending?.();
      await settle();
    },
  };
}

describe("a schedule", () => {
  test("fires at each occurrence, and keeps its status", async () => {
    const { clock, listener, runs, monitor } = timer("0 */5 * * * *");
    listener.start();
    for (let i = 0; i < 3; i++) {
      clock.advance(5 * MINUTE);
      await settle();
    }
    expect(runs.map(({ at, isPastDue }) => [at, isPastDue])).toEqual([
      ["2026-01-01T00:05:00.000Z", false],
      ["2026-01-01T00:10:00.000Z", false],
      ["2026-01-01T00:15:00.000Z", false],
    ]);
    expect(monitor.get("tick")).toMatchObject({ next: Date.UTC(2026, 0, 1, 0, 20) });
  });

  test("a jump of the clock fires once, past due, and goes on from there", async () => {
    const { clock, listener, runs } = timer("0 0 * * * *");
    listener.start();
    clock.jump(24 * HOUR + 30 * MINUTE);
    await settle();
    clock.advance(30 * MINUTE);
    await settle();
    expect(runs.map(({ at, isPastDue }) => [at, isPastDue])).toEqual([
      ["2026-01-02T00:30:00.000Z", true],
      ["2026-01-02T01:00:00.000Z", false],
    ]);
  });

  test("never overlaps itself: what falls due meanwhile is skipped", async () => {
    const each = timer("0 * * * * *");
    each.listener.start();
    each.hold();
    each.clock.advance(MINUTE);
    each.clock.advance(3 * MINUTE + 30_000);
    expect(each.runs).toHaveLength(1);
    await each.release();
    each.clock.advance(30_000);
    await settle();
    expect(each.runs.map(({ at }) => at)).toEqual(["2026-01-01T00:01:00.000Z", "2026-01-01T00:05:00.000Z"]);
  });

  test("goes on after a failure, and stops when it is told", async () => {
    const { clock, listener, runs } = timer("0 * * * * *", { results: [FAILURE] });
    listener.start();
    clock.advance(MINUTE);
    await settle();
    clock.advance(MINUTE);
    await settle();
    listener.stop();
    clock.advance(HOUR);
    await settle();
    expect(runs).toHaveLength(2);
  });

  test("an interval is reckoned from the end of the run", async () => {
    const each = timer("00:10:00");
    each.listener.start();
    each.hold();
    each.clock.advance(10 * MINUTE);
    each.clock.advance(4 * MINUTE);
    await each.release();
    each.clock.advance(10 * MINUTE);
    expect(each.runs.map(({ at }) => at)).toEqual(["2026-01-01T00:10:00.000Z", "2026-01-01T00:24:00.000Z"]);
  });
});

describe("a start", () => {
  test("after downtime runs once, past due", async () => {
    const first = timer("0 0 * * * *");
    first.listener.start();
    first.listener.stop();
    first.clock.advance(3 * HOUR + MINUTE);
    const second = timer("0 0 * * * *", first);
    second.listener.start();
    await settle();
    expect(second.runs.map(({ isPastDue }) => isPastDue)).toEqual([true]);
    expect(second.listener.next).toBe(Date.UTC(2026, 0, 1, 4));
  });

  test("with another schedule waits for its next occurrence", async () => {
    const first = timer("0 0 * * * *");
    first.listener.start();
    first.listener.stop();
    first.clock.advance(3 * HOUR + MINUTE);
    const second = timer("0 30 * * * *", first);
    second.listener.start();
    await settle();
    expect(second.runs).toEqual([]);
    expect(second.listener.next).toBe(Date.UTC(2026, 0, 1, 3, 30));
  });

  test("with a status from a clock that has been set back reckons anew", async () => {
    const monitor = new Memory();
    await monitor.set("tick", { schedule: "0 0 * * * *", next: Date.UTC(2026, 5, 1), lastUpdated: 0 });
    const { listener } = timer("0 0 * * * *", { monitor });
    listener.start();
    expect(listener.next).toBe(Date.UTC(2026, 0, 1, 1));
  });

  test("with runOnStartup runs, not past due", async () => {
    const { listener, runs } = timer("0 0 * * * *", { binding: { runOnStartup: true } });
    listener.start();
    await settle();
    expect(runs.map(({ isPastDue }) => isPastDue)).toEqual([false]);
  });

  test("without a monitor forgets what was missed, and has no status to give", async () => {
    for (const options of [
      { schedule: "0 0 * * * *", binding: { useMonitor: false } },
      { schedule: "*/10 * * * * *" },
    ]) {
      const first = timer(options.schedule, options);
      first.listener.start();
      first.listener.stop();
      first.clock.advance(3 * HOUR + 1);
      const second = timer(options.schedule, { ...first, ...options });
      second.listener.start();
      await settle();
      expect(second.runs).toEqual([]);
      expect(JSON.parse(second.listener.input().json ?? "")).toMatchObject({ ScheduleStatus: null });
    }
  });
});

describe("retries", () => {
  const fixed = (maxRetryCount: number): RetryOptions => ({
    retryStrategy: "fixedDelay",
    maxRetryCount,
    delayInterval: { seconds: 10 },
  });

  test("follow a failure after the delay, with a context from the first attempt on", async () => {
    const { clock, listener, runs } = timer("0 0 * * * *", { retry: fixed(2), results: [FAILURE, FAILURE, FAILURE] });
    listener.start();
    clock.advance(HOUR);
    await settle();
    for (let i = 0; i < 4; i++) {
      clock.advance(10_000);
      await settle();
    }
    expect(runs.map(({ at, retry }) => [at.slice(11, 19), retry?.retryCount, retry?.exception?.message])).toEqual([
      ["01:00:00", 0, undefined],
      ["01:00:10", 1, "no"],
      ["01:00:20", 2, "no"],
    ]);
  });

  test("grow between the shortest and the longest interval", () => {
    const options: RetryOptions = {
      retryStrategy: "exponentialBackoff",
      maxRetryCount: -1,
      minimumInterval: { seconds: 1 },
      maximumInterval: { seconds: 20 },
    };
    expect(retryDelay(options, 1, 0.5)).toBe(1_000);
    expect(retryDelay(options, 2, 0.5)).toBe(3_000);
    expect(retryDelay(options, 3, 0)).toBe(4_200);
    expect(retryDelay(options, 9, 1)).toBe(20_000);
  });
});
