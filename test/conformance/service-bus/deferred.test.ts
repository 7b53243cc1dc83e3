/** Deferred messages: set aside, and had again by number only. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ServiceBusReceivedMessage, ServiceBusReceiver } from "@azure/service-bus";
import { receiveNone, receiveOne, standInTest, Target } from "./target.js";

type Numbers = Parameters<ServiceBusReceiver["receiveDeferredMessages"]>[0];

let target: Target<"plain" | "second" | "twice" | "sessions">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    second: { lockDuration: "PT1S" },
    twice: { maxDeliveryCount: 2 },
    sessions: { requiresSession: true },
  });
});
afterAll(() => target.stop());

function numberOf({ sequenceNumber }: ServiceBusReceivedMessage): Exclude<Numbers, readonly unknown[]> {
  if (sequenceNumber === undefined) throw new Error("The message has no number.");
  return sequenceNumber;
}

async function again(receiver: ServiceBusReceiver, numbers: Numbers): Promise<ServiceBusReceivedMessage> {
  const [message] = await receiver.receiveDeferredMessages(numbers);
  if (message === undefined) throw new Error("No deferred message has come.");
  return message;
}

test("SB-37: it stays in the queue, is shown by peek, and comes by its number only", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  expect(await receiveNone(receiver)).toEqual([]);
  expect(await receiver.peekMessages(1)).toMatchObject([{ body: "a", state: "deferred" }]);
  const deferred = await again(receiver, numberOf(message));
  expect(deferred).toMatchObject({ body: "a", state: "deferred" });
  await receiver.completeMessage(deferred);
  expect(await receiver.peekMessages(1)).toEqual([]);
});

test("SB-02, SB-13: each deferral counts, and the number stays", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  let message = await receiveOne(receiver);
  const number = numberOf(message);
  for (const deliveryCount of [0, 1, 2]) {
    expect(message.deliveryCount).toBe(deliveryCount);
    await receiver.deferMessage(message);
    message = await again(receiver, number);
  }
  expect(numberOf(message).equals(number)).toBe(true);
});

test("SB-38: abandoned it is deferred again; dead-lettered it is a dead letter", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  await receiver.abandonMessage(await again(receiver, numberOf(message)));
  expect(await receiveNone(receiver)).toEqual([]);
  const deferred = await again(receiver, numberOf(message));
  expect(deferred.deliveryCount).toBe(2);
  await receiver.deadLetterMessage(deferred, { deadLetterReason: "r", deadLetterErrorDescription: "d" });
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({ deadLetterReason: "r", state: "active" });
});

standInTest("SB-38: its lock can be renewed; when it ends the message is deferred again", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  const deferred = await again(receiver, numberOf(message));
  const before = target.part.now();
  const until = await receiver.renewMessageLock(deferred);
  expect(until.getTime()).toBeGreaterThanOrEqual(before + 1_000 - 1);
  await target.until(queue, ({ locked }) => locked === 0);
  await expect(receiver.completeMessage(deferred)).rejects.toMatchObject({ code: "MessageLockLost" });
  expect(await receiveNone(receiver)).toEqual([]);
  expect(await again(receiver, numberOf(message))).toMatchObject({ body: "a", deliveryCount: 2 });
});

test("SB-39: an unknown, an active and a locked number are refused, and the whole list with them", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "deferred" }, { body: "active" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  const number = numberOf(message);
  for (const wrong of [number.add(1), number.add(1_000)]) {
    await expect(receiver.receiveDeferredMessages([number, wrong])).rejects.toMatchObject({ code: "MessageNotFound" });
  }
  await again(receiver, number);
  await expect(receiver.receiveDeferredMessages(number)).rejects.toMatchObject({
    code: "MessageNotFound",
    message: expect.stringContaining("Failed to lock one or more specified messages") as unknown,
  });
});

test("several at once, in the order that was asked for", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: 1 }, { body: 2 }, { body: 3 });
  const receiver = target.receiver(queue);
  const numbers = [];
  for (let n = 0; n < 3; n++) {
    const message = await receiveOne(receiver);
    numbers.unshift(numberOf(message));
    await receiver.deferMessage(message);
  }
  const messages = await receiver.receiveDeferredMessages(numbers);
  expect(messages.map(({ body }) => body as unknown)).toEqual([3, 2, 1]);
});

test("SB-21: with receive-and-delete it is gone", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  const deleting = target.client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
  expect((await again(deleting, numberOf(message))).body).toBe("a");
  expect(await receiver.peekMessages(1)).toEqual([]);
});

test("SB-40: a session's deferred message needs the session, and does not make it available", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, { body: "a", sessionId: "s" }, { body: "b", sessionId: "other" });
  const session = await target.client.acceptSession(queue, "s");
  const message = await receiveOne(session);
  await session.deferMessage(message);
  await session.close();
  const next = await target.client.acceptNextSession(queue);
  expect(next.sessionId).toBe("other");
  await expect(next.receiveDeferredMessages(numberOf(message))).rejects.toMatchObject({ code: "MessageNotFound" });
  const same = await target.client.acceptSession(queue, "s");
  const [deferred] = await same.receiveDeferredMessages(numberOf(message));
  expect(deferred).toMatchObject({ body: "a", deliveryCount: 1 });
});
