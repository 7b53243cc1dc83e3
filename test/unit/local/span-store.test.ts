import { expect, test } from "@jest/globals";
import { SpanStore } from "../../../local/control/span-store.js";

const TRACE = "5bf92f3577b34da6a3ce929d0e0e4730";
const [CALLER, INVOKE, PROCESS] = ["00f067aa0ba902b7", "1111111111111111", "2222222222222222"];

const post = (...spans: readonly (readonly [name: string, spanId: string, parentSpanId: string])[]): unknown => ({
  resourceSpans: [
    {
      scopeSpans: [
        {
          spans: spans.map(([name, spanId, parentSpanId]) => ({
            ...{ traceId: TRACE, spanId, parentSpanId, name },
            ...{ startTimeUnixNano: "1000000", endTimeUnixNano: "2000000" },
          })),
        },
      ],
    },
  ],
});

test("whoever waits for a span may wait for its causes, which may come after it", async () => {
  const store = new SpanStore();
  const signal = new AbortController().signal;
  store.take(post(["process", PROCESS, INVOKE]));
  expect(await store.until(TRACE, ["process"], undefined, signal)).toBe(true);
  expect(store.missing(TRACE, ["process"], CALLER)).toEqual([INVOKE]);
  const whole = store.until(TRACE, ["process"], CALLER, signal);
  store.take(post(["invoke", INVOKE, CALLER]));
  expect(await whole).toBe(true);
  expect(store.trace(TRACE).map(({ name }) => name)).toEqual(["invoke", "process"]);
});

test("a wait that ends too early says no, and what is missing", async () => {
  const store = new SpanStore();
  store.take(post(["invoke", INVOKE, CALLER]));
  expect(await store.until(TRACE, ["invoke", "invoke"], CALLER, AbortSignal.abort())).toBe(false);
  expect(store.missing(TRACE, ["invoke", "invoke"], CALLER)).toEqual(["invoke"]);
});
