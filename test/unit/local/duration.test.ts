import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { formatOffset, parseDuration, parseIsoDuration } from "../../../local/clock/duration.js";

test.each([
  ["PT24H", 86_400_000],
  ["P1D", 86_400_000],
  ["P1W", 604_800_000],
  ["P1DT2H3M4.5S", 93_784_500],
  ["PT0,25S", 250],
  ["PT0S", 0],
])("ISO 8601 %s is %d ms", (text, ms) => {
  expect(parseIsoDuration(text)).toBe(ms);
});

test.each(["", "P", "PT", "P1DT", "PT1", "P1Y", "P1M", "-PT1H", "+PT1H", "PT1H1D", "1h", "pt1h", "PT1.5H"])(
  "%j is no ISO 8601 duration of a fixed length",
  (text) => {
    expect(parseIsoDuration(text)).toBeUndefined();
  },
);

test.each([
  ["+24h", 86_400_000],
  ["1.5d", 129_600_000],
  ["90m", 5_400_000],
  ["250ms", 250],
  ["2W", 1_209_600_000],
  ["pt1h", 3_600_000],
])("a person's %s is %d ms", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each(["", "24", "h", "-24h", "1y", "soon", "1h30m"])("%j says no duration to anyone", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test("seconds in an ISO 8601 duration come back as the milliseconds they were made from", () => {
  fc.assert(
    fc.property(fc.nat(1e12), (ms) => {
      expect(parseIsoDuration(`PT${(ms / 1_000).toFixed(3)}S`)).toBe(ms);
    }),
  );
});

test.each([
  [0, "0 s"],
  [86_400_000, "+24 h"],
  [86_400_000 * 3 + 3_600_000, "+3 d 1 h"],
  [-90_000, "-1 min 30 s"],
  [93_784_000, "+26 h 3 min"],
])("an offset of %d ms reads %s", (ms, text) => {
  expect(formatOffset(ms)).toBe(text);
});
