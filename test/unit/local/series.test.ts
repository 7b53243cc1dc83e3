/** What the dashboard's plots are made of. */
import { expect, test } from "@jest/globals";
import { MOST_SAMPLES, pathOf, rateOf, Series, sumOf } from "../../../local/dashboard/series.js";

test("a series keeps the newest samples, and knows its last and its most", () => {
  const series = new Series();
  expect([series.last, series.most]).toEqual([0, 0]);
  for (let n = 0; n < MOST_SAMPLES + 5; n++) series.add(n === 6 ? 1_000 : n);
  expect([series.values.length, series.values[0], series.last, series.most]).toEqual([
    MOST_SAMPLES,
    5,
    MOST_SAMPLES + 4,
    1_000,
  ]);
});

test("a metric is summed over its labels, and no other is taken for it", () => {
  const page = [
    "# HELP sent_total Messages that were accepted.",
    "# TYPE sent_total counter",
    'sent_total{queue="a"} 3',
    'sent_total{queue="b"} 4.5',
    'sent_total_more{queue="b"} 100',
    "other 1",
  ].join("\n");
  expect([sumOf(page, "sent_total"), sumOf(page, "other"), sumOf(page, "missing")]).toEqual([7.5, 1, 0]);
});

test("a rate is what came in a second; a counter that began anew counts from there", () => {
  expect([rateOf(10, 14, 2_000), rateOf(10, 3, 1_000), rateOf(0, 5, 0)]).toEqual([2, 3, 0]);
});

test("the newest value is at the right edge, the highest at the upper one", () => {
  const step = 149;
  expect(pathOf([], step, 10, 0)).toBe("");
  expect(pathOf([0], step, 10, 0)).toBe("M149.0 10.0");
  expect(pathOf([0, 4, 2], step, 10, 4)).toBe("M147.0 10.0L148.0 0.0L149.0 5.0");
});
