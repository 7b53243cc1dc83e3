import { expect, test } from "@jest/globals";
import fc from "fast-check";
import { minuteOf, startOf } from "../../../src/lib/domain/deadline.js";
import { forgetFrom, forgettableUpTo, isForgettable, REMEMBERED_MS } from "../../../src/lib/domain/forgetting.js";

const HOUR_MS = 3_600_000;
const NOW = Date.UTC(2026, 11, 31, 12);

test("what has ended may be forgotten when 30 days and a begun hour are over, never sooner", () => {
  const times = fc.date({ min: new Date("2000-01-01"), max: new Date("2100-01-01"), noInvalidDate: true });
  fc.assert(
    fc.property(times, (endedAt) => {
      const from = startOf(forgetFrom(endedAt));
      expect(isForgettable(endedAt, from.getTime())).toBe(true);
      expect(from.getTime() - endedAt.getTime() - REMEMBERED_MS).toBeLessThanOrEqual(HOUR_MS);
      expect(minuteOf(from)).toMatch(/00$/);
    }),
  );
  expect(isForgettable(new Date(NOW - REMEMBERED_MS), NOW)).toBe(true);
  expect(isForgettable(new Date(NOW - REMEMBERED_MS + 1), NOW)).toBe(false);
});

test("the log goes up to the last end that is long past, with whatever lies before it, and no further", () => {
  const entry = fc.record({
    type: fc.constantFrom("message.created", "message.expired", "retention.retained", "conversation.updated"),
    ageMs: fc.integer({ min: 0, max: 2 * REMEMBERED_MS }),
  });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
      const log = [...entries]
        .sort((a, b) => b.ageMs - a.ageMs)
        .map(({ type, ageMs }, n) => ({ seq: n + 1, type, at: new Date(NOW - ageMs) }));
      const upTo = forgettableUpTo(log, NOW);
      const ends = log.filter(({ type, at }) => type === "message.expired" && isForgettable(at, NOW));
      expect(upTo).toBe(ends.at(-1)?.seq);
      for (const { seq, at } of log) if (seq <= (upTo ?? 0)) expect(isForgettable(at, NOW)).toBe(true);
    }),
  );
});
