/** Peeking: looking without touching. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import { bodies, receive, receiveOne, Target } from "./target.js";

let target: Target<"plain" | "sessions">;
beforeAll(async () => {
  target = await Target.start({ plain: {}, sessions: { requiresSession: true } });
});
afterAll(() => target.stop());

const DAY = 24 * 3_600_000;
const sequence = (length: number): number[] => Array.from({ length }, (_, n) => n);

test("SB-58: active, locked, deferred and scheduled messages, in the order of their numbers", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  await sender.sendMessages([{ body: "deferred" }, { body: "locked" }, { body: "active" }]);
  await sender.scheduleMessages({ body: "scheduled" }, new Date(Date.now() + DAY));
  const receiver = target.receiver(queue);
  const [deferred] = await receive(receiver, 2);
  if (deferred !== undefined) await receiver.deferMessage(deferred);
  const peeked = await receiver.peekMessages(10);
  expect(peeked.map(({ body, state }) => [body as unknown, state])).toEqual([
    ["deferred", "deferred"],
    ["locked", "active"],
    ["active", "active"],
    ["scheduled", "scheduled"],
  ]);
  expect(peeked.map(({ lockToken }) => lockToken ?? "")).toEqual(["", "", "", ""]);
});

test("SB-58: it changes nothing", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const head = await first(queue);
  for (let n = 0; n < 12; n++) {
    expect(bodies(await receiver.peekMessages(1, { fromSequenceNumber: head }))).toEqual(["a"]);
  }
  expect(await receiveOne(receiver)).toMatchObject({ body: "a", deliveryCount: 0 });
});

async function first(queue: string): Promise<NonNullable<ServiceBusReceivedMessage["sequenceNumber"]>> {
  // A client of its own: the SDK keeps one place to go on from for all receivers of a client.
  const client = target.newClient();
  const [message] = await client.createReceiver(queue).peekMessages(1);
  await client.close();
  if (message?.sequenceNumber === undefined) throw new Error("There is no message.");
  return message.sequenceNumber;
}

test("SB-58: each call goes on behind the last one, or from a number, or from the next above it", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).sendMessages(sequence(10).map((body) => ({ body })));
  const receiver = target.receiver(queue);
  const head = await first(queue);
  expect(bodies(await receiver.peekMessages(3))).toEqual([0, 1, 2]);
  expect(bodies(await receiver.peekMessages(3))).toEqual([3, 4, 5]);
  expect(bodies(await receiver.peekMessages(2, { fromSequenceNumber: head.add(7) }))).toEqual([7, 8]);
  await Promise.all((await receive(receiver, 4)).map((message) => receiver.completeMessage(message)));
  expect(bodies(await receiver.peekMessages(1, { fromSequenceNumber: head }))).toEqual([4]);
  expect(await receiver.peekMessages(1, { fromSequenceNumber: head.add(10) })).toEqual([]);
});

test("SB-58: 250 messages at most", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).sendMessages(sequence(300).map((body) => ({ body })));
  const receiver = target.receiver(queue);
  expect(await receiver.peekMessages(300)).toHaveLength(250);
  expect(bodies(await receiver.peekMessages(300))).toEqual(sequence(300).slice(250));
});

test("large messages come in several answers, none of them missing", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  for (let n = 0; n < 40; n++) await sender.sendMessages({ body: Buffer.alloc(250_000, n) });
  const receiver = target.receiver(queue);
  const seen: number[] = [];
  for (
    let messages = await receiver.peekMessages(40);
    messages.length > 0;
    messages = await receiver.peekMessages(40)
  ) {
    seen.push(...messages.map(({ body }) => (body as Uint8Array)[0] ?? -1));
  }
  expect(seen).toEqual(sequence(40));
});

test("SB-58: a session's own messages", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, { body: 1, sessionId: "a" }, { body: 2, sessionId: "b" }, { body: 3, sessionId: "a" });
  const session = await target.client.acceptSession(queue, "a");
  expect(bodies(await session.peekMessages(10))).toEqual([1, 3]);
});

test("SB-48: a session queue is not peeked without a session", async () => {
  const queue = await target.queue("sessions");
  await expect(target.receiver(queue).peekMessages(1)).rejects.toMatchObject({ code: "GeneralError" });
});
