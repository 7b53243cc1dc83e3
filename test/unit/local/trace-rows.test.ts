/** The order in which the dashboard shows a trace's spans. */
import { expect, test } from "@jest/globals";
import { rowsOf, type Span } from "../../../local/dashboard/trace-rows.js";

const span = (spanId: string, parentSpanId: string | undefined, second: number): Span => ({
  ...{ spanId, name: `span ${spanId}`, service: "app", durationMs: 5, failed: false },
  ...(parentSpanId === undefined ? {} : { parentSpanId }),
  at: new Date(second * 1_000).toISOString(),
});
const shown = (spans: readonly Span[]): unknown[] =>
  rowsOf(spans).map(({ name, depth, afterMs }) => [name.slice(5), depth, afterMs]);

test("effects come below their causes, in order of time, whatever order they were told in", () => {
  expect(shown([span("c", "b", 12), span("e", "a", 13), span("b", "a", 11), span("a", "caller", 10)])).toEqual([
    ["a", 0, 0],
    ["b", 1, 1_000],
    ["c", 2, 2_000],
    ["e", 1, 3_000],
  ]);
});

test("a span whose cause is not there stands at the top; who is its own cause is shown nowhere, and hangs nothing", () => {
  expect(shown([span("late", "missing", 20), span("first", undefined, 10), span("loop", "loop", 15)])).toEqual([
    ["first", 0, 0],
    ["late", 0, 10_000],
  ]);
});
