import { readFileSync } from "node:fs";
import { expect, test } from "@jest/globals";
import type { Operations } from "../../bench/cost/measure.js";
import { monthlyBill, type Month, type Prices } from "../../bench/cost/month.js";

const read = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../bench/cost/${name}`, import.meta.url), "utf8"));
const prices = read("prices.json") as Prices;
const operations: Operations = {
  measuredAt: "2026-11-23",
  texts: 1,
  serviceBus: 6,
  executions: { deliverText: { perText: 1, meanMs: 100 } },
  logBytes: 1_000,
};
const month: Month = { messages: 10e6, members: 2, pattern: "sparse", memoryMb: 512 };
const usd = (changes: Partial<Month>, meter: string): number =>
  monthlyBill({ ...month, ...changes }, operations, prices).find((line) => line.meter.startsWith(meter))?.usd ??
  Number.NaN;

test("Service Bus: the base has 13 million operations in it, what comes beyond is paid by tier", () => {
  expect(usd({ messages: 2e6 }, "Service Bus")).toBeCloseTo(9.81);
  expect(usd({ messages: 10e6 }, "Service Bus")).toBeCloseTo(9.81 + 47 * 0.8);
  expect(usd({ messages: 50e6 }, "Service Bus")).toBeCloseTo(9.81 + 87 * 0.8 + 200 * 0.5);
});

test("a lonely execution is billed a second, a busy one its share of an instance", () => {
  const memory = (changes: Partial<Month>): number => usd({ messages: 100e6, ...changes }, "Functions: memory");
  // 100 M × 1 s × 0.5 GB, against 100 M × 0.1 s / 16 × 0.5 GB; both less the free grant, plus the timers.
  expect(memory({}) - memory({ pattern: "busy" })).toBeCloseTo((50e6 - 312_500) * 0.000026);
  expect(memory({ memoryMb: 2048 })).toBeGreaterThan(4 * memory({}));
});

test("Web PubSub: by what goes out to all members", () => {
  // 2 events to 10 members for each text: 200 M, of which 30 M are in the unit.
  expect(usd({ members: 10 }, "Web PubSub")).toBeCloseTo(48.97 + 170);
});

test("the operations that were counted are plausible", () => {
  const counted = read("operations.json") as Operations;
  // Text and deadline are each sent, received and completed.
  expect(counted.serviceBus).toBeGreaterThanOrEqual(4);
  expect(Object.keys(counted.executions)).toEqual(
    expect.arrayContaining(["sendMessage", "deliverText", "meetDeadline"]),
  );
});
