/** Sending: numbers, times, batches, and what a receiver sees of what was sent. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bodies, receive, receiveOne, standInTest, Target } from "./target.js";

let target: Target<"plain">;
beforeAll(async () => {
  target = await Target.start({ plain: {} });
});
afterAll(() => target.stop());

const numbers = (messages: readonly { sequenceNumber?: { toNumber(): number } }[]): (number | undefined)[] =>
  messages.map(({ sequenceNumber }) => sequenceNumber?.toNumber());

standInTest("SB-01: each queue numbers its messages from 1 without a gap", async () => {
  for (const queue of [await target.queue("plain"), await target.queue("plain")]) {
    await target.send(queue, { body: "a" }, { body: "b" }, { body: "c" });
    expect(numbers(await receive(target.receiver(queue), 3))).toEqual([1, 2, 3]);
  }
});

standInTest("SB-06: the enqueued time is the broker's when it stores the message", async () => {
  const queue = await target.queue("plain");
  await target.part.advance(3_600_000);
  const before = target.part.now();
  await target.send(queue, { body: "a" });
  const after = target.part.now();
  const { enqueuedTimeUtc } = await receiveOne(target.receiver(queue));
  expect(enqueuedTimeUtc?.getTime()).toBeGreaterThanOrEqual(before);
  expect(enqueuedTimeUtc?.getTime()).toBeLessThanOrEqual(after);
});

test("SB-07: a batch has consecutive numbers, also when others send at the same time", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const batches = ["a", "b", "c", "d"].map((name) => Array.from({ length: 25 }, (_, n) => ({ body: `${name}${n}` })));
  await Promise.all(batches.map((batch) => sender.sendMessages(batch)));
  const messages = await receive(target.receiver(queue), 100);
  for (let start = 0; start < 100; start += 25) {
    const name = String(messages[start]?.body).charAt(0);
    expect(bodies(messages.slice(start, start + 25))).toEqual(Array.from({ length: 25 }, (_, n) => `${name}${n}`));
  }
});

test("SB-07: a batch with one message that is refused is refused as a whole", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const batch = await sender.createMessageBatch();
  expect(batch.tryAddMessage({ body: "good" })).toBe(true);
  const properties = Object.fromEntries(Array.from({ length: 5 }, (_, n) => [`p${n}`, "x".repeat(15_000)]));
  expect(batch.tryAddMessage({ body: "head above 64 KB", applicationProperties: properties })).toBe(true);
  await expect(sender.sendMessages(batch)).rejects.toMatchObject({ name: "ServiceBusError" });
  await sender.sendMessages({ body: "next" });
  expect((await receiveOne(target.receiver(queue))).body).toBe("next");
});

test("what a sender wrote arrives as it was", async () => {
  const queue = await target.queue("plain");
  const when = new Date("2026-01-02T03:04:05.678Z");
  await target.send(queue, {
    body: { text: "grüße", list: [1, 2.5, null, true] },
    messageId: "id",
    correlationId: "correlation",
    contentType: "application/json",
    subject: "subject",
    to: "to",
    replyTo: "reply",
    replyToSessionId: "reply-session",
    timeToLive: 3_600_000,
    applicationProperties: { text: "t", whole: 42, broken: 1.5, yes: true, when },
  });
  expect(await receiveOne(target.receiver(queue))).toMatchObject({
    body: { text: "grüße", list: [1, 2.5, null, true] },
    messageId: "id",
    correlationId: "correlation",
    contentType: "application/json",
    subject: "subject",
    to: "to",
    replyTo: "reply",
    replyToSessionId: "reply-session",
    timeToLive: 3_600_000,
    // The SDK itself makes numbers of dates.
    applicationProperties: { text: "t", whole: 42, broken: 1.5, yes: true, when: when.getTime() },
    deliveryCount: 0,
    state: "active",
  });
});

test("bytes, values and sequences are bodies as well", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  await sender.sendMessages({ body: Buffer.from([0, 255, 128]) });
  await sender.sendMessages({ bodyType: "value", body: "a value" });
  await sender.sendMessages({ bodyType: "sequence", body: ["a", 1] });
  const [bytes, value, sequence] = await receive(target.receiver(queue), 3);
  expect(Buffer.from(bytes?.body as Uint8Array)).toEqual(Buffer.from([0, 255, 128]));
  expect(value?.body).toBe("a value");
  expect(sequence?.body).toEqual(["a", 1]);
});

test("a message of many frames arrives whole", async () => {
  const queue = await target.queue("plain");
  const body = Buffer.alloc(250_000, "0123456789");
  await target.send(queue, { body });
  expect(body.equals((await receiveOne(target.receiver(queue))).body as Uint8Array)).toBe(true);
});
