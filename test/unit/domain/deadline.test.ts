import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { bucketFiresAt, mayMissBucket, minuteOf } from "../../../src/lib/domain/deadline.js";

test("a bucket fires when everything in it is due, at most a minute late", () => {
  const times = fc.date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(times, (expiresAt) => {
      const lateMs = bucketFiresAt(minuteOf(expiresAt)).getTime() - expiresAt.getTime();
      expect(lateMs).toBeGreaterThan(0);
      expect(lateMs).toBeLessThanOrEqual(60_000);
    }),
  );
});

test("minutes sort like their times", () => {
  expect(minuteOf(new Date("2026-11-23T08:59:59.999Z"))).toBe("202611230859");
  expect(() => bucketFiresAt("today")).toThrow(RangeError);
});

test("a text with more than two minutes left is in time for its bucket", () => {
  expect(mayMissBucket(new Date(120_000), 0)).toBe(true);
  expect(mayMissBucket(new Date(120_001), 0)).toBe(false);
});
