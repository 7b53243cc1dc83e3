/** How what happens in the parts becomes one line of a message's life. */
import { expect, test } from "@jest/globals";
import { idsIn, LifeLines, toneOf, type HubEvent } from "../../../local/dashboard/life-lines.js";

const ORDER = "019a0000-0000-7000-8000-000000000001";
const SHOP = "019a0000-0000-7000-8000-000000000002";
let clock = Date.UTC(2026, 10, 23, 12);
const event = (source: string, kind: string, facts: object = {}): HubEvent => ({
  ...{ source, kind, at: new Date((clock += 10)).toISOString() },
  ...facts,
});
const broker = (kind: string, sequenceNumber: number, facts: object = {}): HubEvent =>
  event("service-bus", kind, { queue: "orders", sequenceNumber, ...facts });
const started = (invocationId: string, name: string, facts: object): HubEvent =>
  event("functions", "run-started", { function: name, invocationId, ...facts });
const ended = (invocationId: string, facts: object = {}): HubEvent =>
  event("functions", "run-ended", { invocationId, durationMs: 5, succeeded: true, ...facts });

function linesOf(events: readonly HubEvent[]) {
  const lines = new LifeLines();
  for (const each of events) lines.take(each);
  return lines.lines.map(({ key, state, steps }) => ({ key, state, steps: steps.map(({ text }) => text) }));
}

test("a call, its message in the queue, the run that it starts and what sockets hear are one line", () => {
  expect(
    linesOf([
      started("a", "takeOrder", { ids: { shop: SHOP } }),
      broker("accepted", 7),
      ended("a", { status: 202, ids: { location: ORDER } }),
      broker("delivered", 7),
      started("b", "cook", { queue: "orders", sequenceNumber: 7, ids: { id: ORDER, shop: SHOP } }),
      event("web-pubsub", "sent", { event: "order.ready", reached: 2, ids: { messageId: ORDER } }),
      ended("b"),
      broker("completed", 7),
    ]),
  ).toEqual([
    {
      key: ORDER,
      state: "order.ready",
      steps: ["takeOrder 202 · 5 ms", "accepted", "delivered", "cook · 5 ms", "order.ready → 2 sockets", "completed"],
    },
  ]);
});

test("a message that nobody takes waits on the line of what has sent it, with its end; what is for later does not", () => {
  const until = "2026-11-24T12:00:00.000Z";
  const lines = new LifeLines();
  const all = [
    started("a", "takeOrder", { traceId: "t1", ids: { shop: SHOP } }),
    broker("accepted", 7, { traceId: "t1", expiresAt: until }),
    broker("scheduled", 8, { traceId: "t1" }),
    broker("accepted", 9, { traceId: "t2" }),
    ended("a", { status: 202, ids: { location: ORDER } }),
    broker("accepted", 10, { traceId: "t1" }),
  ];
  for (const each of all) lines.take(each);
  const [line] = lines.lines;
  expect(line?.steps.map(({ text, until: end }) => [text, end])).toEqual([
    ["takeOrder 202 · 5 ms", undefined],
    ["accepted", until],
    ["accepted", undefined],
  ]);
});

test("reading about something is no part of its life", () => {
  const [line] = linesOf([
    started("a", "cook", { method: "POST", ids: { order: ORDER, message: ORDER } }),
    ended("a"),
    started("b", "look", { method: "GET", ids: { message: ORDER } }),
    ended("b", { status: 200 }),
  ]);
  expect(line?.steps).toEqual(["cook · 5 ms"]);
});

test("a line knows its traces, where it belongs, and how logs name its runs and messages", () => {
  const lines = new LifeLines();
  for (const each of [
    broker("accepted", 1, { messageId: "hash-1" }),
    started("run-a", "cook", {
      queue: "orders",
      sequenceNumber: 1,
      traceId: "t1",
      ids: { id: ORDER, conversationId: SHOP },
    }),
    ended("run-a"),
    started("run-b", "serve", { method: "POST", traceId: "t1", ids: { message: ORDER, conversation: SHOP } }),
  ])
    lines.take(each);
  const [line] = lines.lines;
  if (line === undefined) throw new Error("there is no line");
  expect(idsIn(line)).toEqual({ traces: ["t1"], conversation: SHOP, logged: ["run-a", "run-b", "hash-1"] });
});

test("a failed run, and a message that gets another number, stay on the line", () => {
  const [line] = linesOf([
    broker("accepted", 1),
    started("a", "cook", { queue: "orders", sequenceNumber: 1, ids: { id: ORDER, shop: SHOP } }),
    ended("a", { succeeded: false, error: "Error" }),
    broker("dead-lettered", 1, { reason: "MaxDeliveryCountExceeded" }),
    broker("redriven", 9, { formerSequenceNumber: 1 }),
    broker("delivered", 9),
  ]);
  expect(line?.steps).toEqual([
    "accepted",
    "cook failed: Error · 5 ms",
    "dead-lettered: MaxDeliveryCountExceeded",
    "redriven",
    "delivered",
  ]);
});

test("what is about nothing in particular gets no line", () => {
  const events = [
    started("a", "openShop", { ids: {} }),
    ended("a", { status: 201, ids: { location: SHOP } }),
    started("b", "sweep", { ids: {} }),
    ended("b"),
    event("web-pubsub", "sent", { event: "typing", reached: 1, ids: { shop: SHOP } }),
    broker("accepted", 3),
    event("control", "clock-moved", { offsetMs: 1 }),
  ];
  expect(linesOf(events)).toEqual([]);
});

test("only the latest lines are kept", () => {
  const sent = (n: number): HubEvent =>
    event("web-pubsub", "sent", { event: "x", reached: 0, ids: { messageId: `${n}` } });
  const lines = linesOf(Array.from({ length: 250 }, (_, n) => sent(n)));
  expect([lines.length, lines[0]?.key]).toEqual([200, "249"]);
});

test("how it went is seen at a glance", () => {
  const states = ["on its way", "message.created", "message.expired", "message.deleted", "message.failed"];
  expect(states.map(toneOf)).toEqual(["running", "good", "gone", "gone", "bad"]);
});
