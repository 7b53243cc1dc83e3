/** Timer triggers, as the extension's `TimerListener.cs` runs them. */
import type { Clock, Timer as Appointment } from "../../../clock/clock.js";
import { StartError } from "../../../part.js";
import type { HostFunction } from "../../functions.js";
import type { InvocationResult, Trigger } from "../../invoke.js";
import { describeError, type Log } from "../../log.js";
import type { RetryContext, TypedData } from "../../rpc.js";
import { resolveSettings } from "../../settings.js";
import { withRetries } from "./retry.js";
import { isMonitorable, parseSchedule, type Schedule } from "./schedule.js";
import type { ScheduleMonitor, ScheduleStatus } from "./schedule-monitor.js";

/** How late an occurrence may be before it counts as missed: by downtime, or by a clock that was moved. */
const PAST_DUE_MS = 1_000;

type Invoke = (fn: HostFunction, trigger: Trigger, retry?: RetryContext) => Promise<InvocationResult>;

/**
 * The schedule of a timer function.
 * @throws StartError when it cannot be understood
 */
export function timerSchedule(fn: HostFunction, environment: NodeJS.ProcessEnv): Schedule {
  const text = resolveSettings(String(fn.trigger["schedule"]), environment);
  try {
    return parseSchedule(text);
  } catch (error) {
    throw new StartError(`Function '${fn.name}': ${(error as Error).message}.`);
  }
}

/** One timer function: never overlaps itself, and an error never stops its schedule. */
export class TimerListener {
  readonly #fn: HostFunction;
  readonly #schedule: Schedule;
  readonly #clock: Clock;
  readonly #invoke: Invoke;
  readonly #monitor: ScheduleMonitor | undefined;
  readonly #log: Log;
  #appointment: Appointment | undefined;
  #status: ScheduleStatus | undefined;
  #stopped = false;

  constructor(options: {
    readonly fn: HostFunction;
    readonly schedule: Schedule;
    readonly clock: Clock;
    readonly invoke: Invoke;
    readonly monitor: ScheduleMonitor;
    readonly log: Log;
  }) {
    this.#fn = options.fn;
    this.#schedule = options.schedule;
    this.#clock = options.clock;
    this.#invoke = options.invoke;
    this.#log = options.log;
    const monitored = this.#fn.trigger["useMonitor"] !== false && isMonitorable(options.schedule, options.clock.now());
    this.#monitor = monitored ? options.monitor : undefined;
  }

  /** With the settings that it names filled in. */
  get schedule(): string {
    return this.#schedule.text;
  }

  /** When it runs next, in milliseconds since the epoch. */
  get next(): number | undefined {
    return this.#status?.next;
  }

  /** Runs at once what was missed while the host was down, else what runs on startup; then waits for the next occurrence. */
  start(): void {
    const now = this.#clock.now();
    const pastDue = this.#restore(now);
    if (pastDue)
      this.#log(
        "information",
        `Function.${this.#fn.name}`,
        `Function '${this.#fn.name}' is past due on startup. Executing now.`,
      );
    if (pastDue || this.#fn.trigger["runOnStartup"] === true) void this.#fire(pastDue);
    else this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#appointment?.cancel();
  }

  /** What a run started by hand gets: TimerTriggerBinding builds it from the stored status. */
  input(isPastDue = false): TypedData {
    return timerInput(this.#schedule, this.#monitor === undefined ? undefined : this.#status, isPastDue);
  }

  /** Whether an occurrence was missed. A status of another schedule, or from a clock since set back, tells nothing. */
  #restore(now: number): boolean {
    const stored = this.#monitor?.get(this.#fn.name);
    const next = this.#schedule.next(now);
    if (stored?.schedule === this.#schedule.text && next !== undefined && stored.next <= next) {
      this.#status = stored;
      return now > stored.next;
    }
    if (next !== undefined) this.#record({ schedule: this.#schedule.text, next, lastUpdated: now });
    return false;
  }

  #record(status: ScheduleStatus): void {
    this.#status = status;
    this.#monitor?.set(this.#fn.name, status).catch((error: unknown) => {
      this.#log(
        "error",
        "Host.Triggers.Timer",
        `The status of '${this.#fn.name}' was not saved: ${describeError(error)}`,
      );
    });
  }

  #arm(): void {
    this.#appointment?.cancel();
    const next = this.#status?.next;
    if (this.#stopped || next === undefined) return;
    this.#appointment = this.#clock.at(next, () => {
      void this.#fire(this.#clock.now() - next > PAST_DUE_MS);
    });
  }

  async #fire(isPastDue: boolean): Promise<void> {
    const fired = this.#clock.now();
    const trigger: Trigger = {
      reason: `Timer fired at ${dateTimeOffset(fired)}`,
      data: this.input(isPastDue),
    };
    await withRetries(
      this.#fn.retry,
      this.#clock,
      (retry) => this.#invoke(this.#fn, trigger, retry),
      () => this.#stopped,
    );
    // Reckoned after the run: what fell due meanwhile is skipped, for a timer never overlaps itself.
    const next = this.#schedule.next(this.#clock.now());
    if (next === undefined) return;
    this.#record({ schedule: this.#schedule.text, last: fired, next, lastUpdated: fired });
    this.#arm();
  }
}

/** The input of a timer function, as JSON in .NET's casing; the library makes it camelCase. */
export function timerInput(schedule: Schedule, status: ScheduleStatus | undefined, isPastDue: boolean): TypedData {
  const scheduleStatus =
    status === undefined
      ? null
      : {
          Last: dateTimeOffset(status.last),
          Next: dateTimeOffset(status.next),
          LastUpdated: dateTimeOffset(status.lastUpdated),
        };
  return {
    json: JSON.stringify({
      Schedule: { AdjustForDST: schedule.adjustForDst },
      ScheduleStatus: scheduleStatus,
      IsPastDue: isPastDue,
    }),
  };
}

/** A moment as .NET writes a DateTime of the local zone, which is UTC; its default value for one that never was. */
function dateTimeOffset(time: number | undefined): string {
  if (time === undefined) return "0001-01-01T00:00:00+00:00";
  return new Date(time).toISOString().replace(/\.?0*Z$/, "+00:00");
}
