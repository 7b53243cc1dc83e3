/** The dead-letter queue: how messages get there, what they say, what can be done with them. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const DAY = 24 * 3_600_000;

let target: Target<"plain" | "twice" | "second" | "sessions" | "expiring">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    twice: { maxDeliveryCount: 2 },
    second: { maxDeliveryCount: 2, lockDuration: "PT1S" },
    sessions: { requiresSession: true },
    expiring: { defaultMessageTimeToLive: "PT1H", deadLetteringOnMessageExpiration: true },
  });
});
afterAll(() => target.stop());

/** A queue whose dead-letter queue holds one message. */
async function withDeadLetter(): Promise<string> {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  await receiver.deadLetterMessage(await receiveOne(receiver));
  await receiver.close();
  return queue;
}

test("SB-11, SB-18, SB-19: the last allowed delivery that fails moves the message at once", async () => {
  const queue = await target.queue("twice");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  for (const deliveryCount of [0, 1]) {
    const message = await receiveOne(receiver);
    expect(message.deliveryCount).toBe(deliveryCount);
    await receiver.abandonMessage(message);
  }
  expect(await receiver.peekMessages(1)).toEqual([]);
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({
    body: "a",
    deliveryCount: 2,
    deadLetterReason: "MaxDeliveryCountExceeded",
    deadLetterErrorDescription: "Message could not be consumed after 2 delivery attempts.",
  });
});

standInTest("SB-18: locks that end count as well", async () => {
  const queue = await target.queue("second");
  await target.send(queue, { body: "a" });
  await receiveOne(target.receiver(queue));
  await receiveOne(target.receiver(queue));
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({
    deliveryCount: 2,
    deadLetterReason: "MaxDeliveryCountExceeded",
  });
});

test("SB-34: a dead letter keeps its number, its ids and its properties", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, {
    body: { a: 1 },
    messageId: "id",
    correlationId: "correlation",
    subject: "subject",
    applicationProperties: { own: 1 },
  });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await receiver.deadLetterMessage(message);
  const dead = await receiveOne(target.deadLetters(queue));
  expect(dead).toMatchObject({
    body: { a: 1 },
    messageId: "id",
    correlationId: "correlation",
    subject: "subject",
    applicationProperties: { own: 1 },
    deliveryCount: 0,
  });
  expect(dead.sequenceNumber?.equals(message.sequenceNumber ?? 0)).toBe(true);
  expect(dead.enqueuedTimeUtc).toEqual(message.enqueuedTimeUtc);
});

test("SB-36: reason and description are what the receiver gave", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  await receiver.deadLetterMessage(await receiveOne(receiver), {
    deadLetterReason: "reason",
    deadLetterErrorDescription: "description",
    extra: 7,
  });
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({
    deadLetterReason: "reason",
    deadLetterErrorDescription: "description",
    applicationProperties: { DeadLetterReason: "reason", DeadLetterErrorDescription: "description", extra: 7 },
  });
});

test("SB-36: without a reason there are no such properties", async () => {
  const queue = await withDeadLetter();
  const dead = await receiveOne(target.deadLetters(queue));
  expect(dead.deadLetterReason).toBeUndefined();
  expect(dead.deadLetterErrorDescription).toBeUndefined();
  expect(dead.deadLetterSource).toBeUndefined();
  expect(Object.keys(dead.applicationProperties ?? {})).toEqual([]);
});

test("SB-32: complete, abandon and defer work there", async () => {
  const queue = await withDeadLetter();
  const receiver = target.deadLetters(queue);
  await receiver.abandonMessage(await receiveOne(receiver));
  const message = await receiveOne(receiver);
  await receiver.deferMessage(message);
  expect(await receiveNone(receiver)).toEqual([]);
  const [deferred] = await receiver.receiveDeferredMessages(message.sequenceNumber ? [message.sequenceNumber] : []);
  if (deferred === undefined) throw new Error("The deferred message did not come.");
  await receiver.completeMessage(deferred);
  expect(await receiver.peekMessages(1)).toEqual([]);
});

test("SB-32: receive-and-delete works there", async () => {
  const queue = await withDeadLetter();
  const receiver = target.client.createReceiver(queue, { subQueueType: "deadLetter", receiveMode: "receiveAndDelete" });
  expect((await receiveOne(receiver)).body).toBe("a");
  expect(await receiver.peekMessages(1)).toEqual([]);
});

test("SB-32: a dead letter cannot be dead-lettered, and stays, uncounted", async () => {
  const queue = await withDeadLetter();
  const receiver = target.deadLetters(queue);
  await expect(receiver.deadLetterMessage(await receiveOne(receiver))).rejects.toMatchObject({ code: "GeneralError" });
  expect(await receiveOne(receiver)).toMatchObject({ body: "a", deliveryCount: 0 });
});

test("SB-33: there the delivery count never rises, and there is no maximum", async () => {
  const queue = await withDeadLetter();
  const receiver = target.deadLetters(queue);
  for (let n = 0; n < 15; n++) {
    const message = await receiveOne(receiver);
    expect(message.deliveryCount).toBe(0);
    await receiver.abandonMessage(message);
  }
});

standInTest("SB-32: nothing expires there", async () => {
  const queue = await target.queue("expiring");
  await target.send(queue, { body: "own", timeToLive: 1_000 });
  const receiver = target.receiver(queue);
  await receiver.deadLetterMessage(await receiveOne(receiver));
  await target.send(queue, { body: "queue's" });
  await target.part.advance(400 * DAY);
  const dead = await receive(target.deadLetters(queue), 2);
  expect(bodies(dead)).toEqual(["own", "queue's"]);
});

test("SB-35: the one of a session queue is not divided into sessions", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, { body: 1, sessionId: "x" }, { body: 2, sessionId: "y" });
  for (const id of ["x", "y"]) {
    const session = await target.client.acceptSession(queue, id);
    await session.deadLetterMessage(await receiveOne(session));
    await session.close();
  }
  const receiver = target.deadLetters(queue);
  expect(bodies(await receiver.peekMessages(10))).toEqual([1, 2]);
  const [first, second] = await receive(receiver, 2);
  expect([first?.sessionId, second?.sessionId]).toEqual(["x", "y"]);
  for (const message of [first, second]) if (message !== undefined) await receiver.completeMessage(message);
});

test("SB-31: it is always there, its name in any case, and nothing can be sent to it", async () => {
  const queue = await withDeadLetter();
  const receiver = target.client.createReceiver(`${queue}/$DEADLETTERqueue`);
  expect((await receiveOne(receiver)).body).toBe("a");
  const sender = target.client.createSender(`${queue}/$DeadLetterQueue`);
  await expect(sender.sendMessages({ body: "b" })).rejects.toMatchObject({ name: "ServiceBusError" });
});
