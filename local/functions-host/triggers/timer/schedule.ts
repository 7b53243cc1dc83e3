/** Timer schedules: NCRONTAB expressions and intervals. */
import { Cron } from "croner";
import { parseTimeSpan } from "../../time-span.js";

export interface Schedule {
  readonly text: string;
  /** The first occurrence after `time`, both in milliseconds since the epoch; undefined when there is none. */
  next(time: number): number | undefined;
  /** Whether occurrences follow a clock on the wall (cron), or each other (an interval). */
  readonly adjustForDst: boolean;
}

const MINUTE_MS = 60_000;

/**
 * Parses an NCRONTAB expression (`{second} {minute} {hour} {day} {month} {day of week}`, or five fields without seconds), in
 * UTC as on Azure, or a `TimeSpan` such as `00:05:00`.
 * @throws Error that says what is wrong
 */
export function parseSchedule(text: string): Schedule {
  const trimmed = text.trim();
  const fields = trimmed.split(/\s+/);
  if (fields.length === 1) {
    const interval = parseTimeSpan(trimmed);
    if (interval === undefined || interval <= 0)
      throw new Error(`'${text}' is neither a CRON expression nor a time span`);
    return { text: trimmed, next: (time) => time + interval, adjustForDst: false };
  }
  // CronSchedule.cs takes five fields for seconds = 0.
  const all = fields.length === 5 ? ["0", ...fields] : fields;
  if (all.length !== 6) throw new Error(`'${text}' has ${fields.length} fields; NCRONTAB has 6`);
  for (const [index, field] of all.entries()) checkField(text, field, index);
  // NCrontab needs day of month AND day of week, and reads 5/15 as "from 5, each 15th" (CrontabSchedule.cs).
  const cron = new Cron(all.join(" "), {
    mode: "6-part",
    domAndDow: true,
    sloppyRanges: true,
    timezone: "Etc/UTC",
    paused: true,
  });
  return { text: trimmed, next: (time) => cron.nextRun(new Date(time))?.getTime(), adjustForDst: true };
}

/** Refuses what croner knows and NCrontab does not: `? L W # +`, names with `@`, and 7 for Sunday. */
function checkField(text: string, field: string, index: number): void {
  const allowed = index < 4 ? /^[\d*,\-/]+$/ : /^(?:[\d*,\-/]|[a-z]{3,9})+$/i;
  if (!allowed.test(field)) throw new Error(`'${text}': '${field}' is not NCRONTAB`);
  const withoutSteps = field.replace(/\/\d+/g, "");
  if (index === 5 && /\d*[7-9]|\d\d/.test(withoutSteps)) throw new Error(`'${text}': days of the week are 0 to 6`);
}

/**
 * Whether a status is worth keeping: not for schedules with less than a minute between occurrences
 * (ScheduleMonitor / `ShouldDisableScheduleMonitor` of the extension).
 */
export function isMonitorable(schedule: Schedule, from: number): boolean {
  let time = schedule.next(from);
  for (let i = 0; i < 10 && time !== undefined; i++) {
    const following = schedule.next(time);
    if (following !== undefined && following - time < MINUTE_MS) return false;
    time = following;
  }
  return true;
}
