import { expect, test } from "@jest/globals";
import { idsOf, RecentEvents } from "../../../local/recent-events.js";
import { describeSent } from "../../../local/web-pubsub/describe-sent.js";

const ID = "019a0000-0000-7000-8000-000000000001";
const event = (n: number) => ({ kind: `${n}`, at: "2026-11-23T12:00:00.000Z" });

test("whoever asks gets what is new, from the beginning after a restart, and only so much is kept", () => {
  const recent = new RecentEvents();
  expect(recent.after(0)).toEqual({ events: [], next: 0 });
  for (let n = 1; n <= 3; n++) recent.record(event(n));
  expect(recent.after(1)).toEqual({ events: [event(2), event(3)], next: 3 });
  expect(recent.after(3)).toEqual({ events: [], next: 3 });
  expect(recent.after(900).events).toHaveLength(3);
  for (let n = 4; n <= 5_000; n++) recent.record(event(n));
  const { events, next } = recent.after(0);
  expect([events.length, events.at(-1)?.kind, next]).toEqual([2_000, "5000", 5_000]);
});

test("ids are known by their form; nothing else of a body is told", () => {
  expect(idsOf({ id: ID, text: "secret", seq: 4, nested: { id: ID } })).toEqual({ id: ID });
  expect(idsOf("text")).toEqual({});
});

test("what sockets are sent is told by name, room and reach", () => {
  const payload = `42${JSON.stringify(["order.ready", { orderId: ID, text: "secret" }])}`;
  const base64url = (text: string): string => Buffer.from(text).toString("base64url");
  const to = { group: `0~${base64url("/")}~${base64url("shop:1")}` };
  const told = describeSent({ hub: "h", to, payload, reached: 2, filter: "userId eq 'ana'", since: 0 }, 0);
  expect(told).toEqual({
    kind: "sent",
    at: "1970-01-01T00:00:00.000Z",
    hub: "h",
    room: "shop:1",
    filter: "userId eq 'ana'",
    event: "order.ready",
    ids: { orderId: ID },
    reached: 2,
  });
  expect(
    describeSent({ hub: "h", to: { userId: "bo" }, payload: "42[broken", reached: 0, lost: true, since: 0 }, 0),
  ).toMatchObject({ userId: "bo", ids: {}, lost: true });
});
