import { describe, expect, test } from "@jest/globals";
import { isMonitorable, parseSchedule } from "../../../local/functions-host/triggers/timer/schedule.js";

const from = Date.parse("2026-11-23T08:07:06.500Z"); // a Monday

function next(schedule: string, count = 1): readonly (string | undefined)[] {
  const parsed = parseSchedule(schedule);
  const times: (number | undefined)[] = [];
  let time: number | undefined = from;
  for (let i = 0; i < count && time !== undefined; i++) times.push((time = parsed.next(time)));
  return times.map((each) => (each === undefined ? undefined : new Date(each).toISOString()));
}

describe("NCRONTAB", () => {
  test.each([
    ["* * * * * *", ["2026-11-23T08:07:07.000Z"]],
    ["0 */5 * * * *", ["2026-11-23T08:10:00.000Z"]],
    ["*/5 * * * *", ["2026-11-23T08:10:00.000Z"]], // five fields: seconds are 0
    [
      "0 5/15 * * * *",
      ["2026-11-23T08:20:00.000Z", "2026-11-23T08:35:00.000Z", "2026-11-23T08:50:00.000Z", "2026-11-23T09:05:00.000Z"],
    ],
    ["0 30 9-11 * * MON-FRI", ["2026-11-23T09:30:00.000Z", "2026-11-23T10:30:00.000Z"]],
    ["0 0 0 * * sun", ["2026-11-29T00:00:00.000Z"]],
    ["0 0 0 * * 0", ["2026-11-29T00:00:00.000Z"]],
    ["0 0 0 1 jan *", ["2027-01-01T00:00:00.000Z"]],
    ["0 0 0 29 2 *", ["2028-02-29T00:00:00.000Z"]],
    // Day of month AND day of week: Friday the 13th.
    ["0 0 0 13 * 5", ["2027-08-13T00:00:00.000Z", "2028-10-13T00:00:00.000Z"]],
  ])("%s", (schedule, expected) => {
    expect(next(schedule, expected.length)).toEqual(expected);
  });

  test.each([
    "",
    "x",
    "* * *",
    "* * * * * * *",
    "0 0 0 * * 7",
    "0 0 0 L * *",
    "0 0 0 ? * *",
    "0 0 0 * * 1#2",
    "0 0 0 * * MON#1",
    "60 * * * * *",
    "@daily",
  ])("refuses '%s'", (schedule) => {
    expect(() => parseSchedule(schedule)).toThrow();
  });
});

test("a time span is an interval", () => {
  expect(next("00:30:00", 2)).toEqual(["2026-11-23T08:37:06.500Z", "2026-11-23T09:07:06.500Z"]);
  expect(parseSchedule("1.00:00:00").next(0)).toBe(86_400_000);
  expect(parseSchedule("00:30:00").adjustForDst).toBe(false);
  expect(() => parseSchedule("00:00:00")).toThrow();
});

test("schedules below a minute are not monitored", () => {
  expect(isMonitorable(parseSchedule("0 * * * * *"), from)).toBe(true);
  expect(isMonitorable(parseSchedule("*/30 * * * * *"), from)).toBe(false);
  expect(isMonitorable(parseSchedule("0,30 0 * * * *"), from)).toBe(false);
  expect(isMonitorable(parseSchedule("00:00:59"), from)).toBe(false);
});
