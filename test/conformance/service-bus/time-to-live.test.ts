/** Expiry, by the wall clock. */
import { afterAll, beforeAll, expect } from "@jest/globals";
import type { ServiceBusReceivedMessage } from "@azure/service-bus";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let target: Target<"plain" | "hour" | "letters" | "sessions">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    hour: { defaultMessageTimeToLive: "PT1H" },
    letters: { defaultMessageTimeToLive: "PT1H", deadLetteringOnMessageExpiration: true },
    sessions: { requiresSession: true, deadLetteringOnMessageExpiration: true },
  });
});
afterAll(() => target.stop());

const lifetime = ({ expiresAtUtc, enqueuedTimeUtc }: ServiceBusReceivedMessage): number =>
  (expiresAtUtc?.getTime() ?? NaN) - (enqueuedTimeUtc?.getTime() ?? NaN);

standInTest("SB-23: the shorter of the queue's time and the message's counts", async () => {
  const queue = await target.queue("hour");
  await target.send(
    queue,
    { body: "long", timeToLive: 2 * HOUR },
    { body: "short", timeToLive: MINUTE },
    { body: "none" },
  );
  await target.part.advance(MINUTE);
  expect(bodies(await target.receiver(queue).peekMessages(10))).toEqual(["long", "none"]);
  await target.part.advance(HOUR - MINUTE);
  expect(await receiveNone(target.receiver(queue))).toEqual([]);
});

standInTest("SB-23: without any a message lives on", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  await target.part.advance(10_000 * HOUR);
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

standInTest(
  "SB-24: a receiver is told when the message really expires; a peek shows the message's own time",
  async () => {
    const queue = await target.queue("hour");
    await target.send(
      queue,
      { body: "long", timeToLive: 2 * HOUR },
      { body: "short", timeToLive: MINUTE },
      { body: "none" },
    );
    const receiver = target.receiver(queue);
    const [long, short, none] = await receiver.peekMessages(3);
    expect([long?.timeToLive, short?.timeToLive, none?.timeToLive]).toEqual([2 * HOUR, MINUTE, undefined]);
    expect((await receive(receiver, 3)).map(lifetime)).toEqual([HOUR, MINUTE, HOUR]);
  },
);

standInTest("SB-25: an expired message is never delivered, also to one who waits", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "old", timeToLive: MINUTE });
  await target.part.advance(MINUTE);
  await target.send(queue, { body: "new" });
  expect(bodies(await target.receiver(queue).receiveMessages(10, { maxWaitTimeInMs: 500 }))).toEqual(["new"]);
});

standInTest("SB-27: dropped, or dead-lettered with reason and description, as the queue says", async () => {
  const dropping = await target.queue("hour");
  const keeping = await target.queue("letters");
  for (const queue of [dropping, keeping]) await target.send(queue, { body: "a" });
  await target.part.advance(HOUR);
  expect(await receiveNone(target.deadLetters(dropping))).toEqual([]);
  expect(await receiveOne(target.deadLetters(keeping))).toMatchObject({
    body: "a",
    deliveryCount: 0,
    deadLetterReason: "TTLExpiredException",
    deadLetterErrorDescription: "The message expired and was dead lettered.",
  });
});

standInTest("SB-26: what expires under its lock can be completed", async () => {
  const queue = await target.queue("letters");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await target.part.advance(HOUR);
  await receiver.completeMessage(message);
  expect(await receiveNone(target.deadLetters(queue))).toEqual([]);
});

standInTest("SB-26: what expires under its lock and is abandoned expires at once", async () => {
  const queue = await target.queue("letters");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const message = await receiveOne(receiver);
  await target.part.advance(HOUR);
  await receiver.abandonMessage(message);
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({ deadLetterReason: "TTLExpiredException" });
});

standInTest("SB-28: a deferred message does not expire by itself", async () => {
  const queue = await target.queue("letters");
  await target.send(queue, { body: "a" });
  const receiver = target.receiver(queue);
  const { sequenceNumber, ...message } = await receiveOne(receiver);
  await receiver.deferMessage({ ...message, sequenceNumber } as ServiceBusReceivedMessage);
  await target.part.advance(2 * HOUR);
  const [deferred] = await receiver.receiveDeferredMessages(sequenceNumber ? [sequenceNumber] : []);
  expect(deferred).toMatchObject({ body: "a", state: "deferred" });
});

standInTest("SB-29: a scheduled message's time runs from its activation", async () => {
  const queue = await target.queue("hour");
  const at = new Date(target.part.now() + 3 * HOUR);
  await target.client.createSender(queue).scheduleMessages({ body: "a" }, at);
  await target.part.advance(3 * HOUR + MINUTE);
  const message = await receiveOne(target.receiver(queue));
  expect(lifetime(message)).toBe(HOUR);
  await target.part.advance(HOUR);
  await target.receiver(queue).abandonMessage(message);
  expect(await receiveNone(target.receiver(queue))).toEqual([]);
});

standInTest("SB-30: one expired message takes the rest of its session along, and no other session", async () => {
  const queue = await target.queue("sessions");
  await target.send(
    queue,
    { body: "short", sessionId: "x", timeToLive: MINUTE },
    { body: "long", sessionId: "x" },
    { body: "other", sessionId: "y" },
  );
  await target.part.advance(MINUTE);
  expect(bodies(await receive(target.deadLetters(queue), 2))).toEqual(["short", "long"]);
  const session = await target.client.acceptNextSession(queue);
  expect(session.sessionId).toBe("y");
});
