/** Duplicate detection. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const MINUTE = 60_000;

let target: Target<"plain" | "once" | "short">;
beforeAll(async () => {
  target = await Target.start({
    plain: {},
    once: { requiresDuplicateDetection: true },
    short: { requiresDuplicateDetection: true, duplicateDetectionHistoryTimeWindow: "PT20S" },
  });
});
afterAll(() => target.stop());

test("SB-45: a duplicate is accepted and dropped; the first body stays", async () => {
  const queue = await target.queue("once");
  await target.send(queue, { body: "first", messageId: "m" }, { body: "second", messageId: "m" });
  await target.send(queue, { body: "other", messageId: "n" });
  expect(bodies(await receive(target.receiver(queue), 2))).toEqual(["first", "other"]);
  expect(await target.receiver(queue).peekMessages(10)).toHaveLength(2);
});

test("SB-45: a duplicate within one batch", async () => {
  const queue = await target.queue("once");
  await target.client.createSender(queue).sendMessages([
    { body: "first", messageId: "m" },
    { body: "second", messageId: "m" },
    { body: "other", messageId: "n" },
  ]);
  expect(bodies(await target.receiver(queue).peekMessages(10))).toEqual(["first", "other"]);
});

test("SB-44: without the setting nothing is a duplicate", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "first", messageId: "m" }, { body: "second", messageId: "m" });
  expect(bodies(await target.receiver(queue).peekMessages(10))).toEqual(["first", "second"]);
});

test("SB-44: the body, the properties and the correlation do not matter", async () => {
  const queue = await target.queue("once");
  await target.send(
    queue,
    { body: "same", messageId: "m", subject: "x", correlationId: "c" },
    { body: "same", messageId: "n", subject: "x", correlationId: "c" },
  );
  expect(await target.receiver(queue).peekMessages(10)).toHaveLength(2);
});

standInTest("SB-44, SB-46: the window counts from the first send and does not slide", async () => {
  const queue = await target.queue("once");
  const receiver = target.receiver(queue);
  await target.send(queue, { body: 1, messageId: "m" });
  await target.part.advance(9 * MINUTE);
  await target.send(queue, { body: 2, messageId: "m" });
  await target.part.advance(2 * MINUTE);
  await target.send(queue, { body: 3, messageId: "m" });
  expect(bodies(await receiver.peekMessages(10))).toEqual([1, 3]);
});

standInTest("SB-44: a window of 20 s", async () => {
  const queue = await target.queue("short");
  await target.send(queue, { body: 1, messageId: "m" });
  await target.part.advance(15_000);
  await target.send(queue, { body: 2, messageId: "m" });
  await target.part.advance(5_001);
  await target.send(queue, { body: 3, messageId: "m" });
  expect(bodies(await target.receiver(queue).peekMessages(10))).toEqual([1, 3]);
});

test("SB-46: the history outlives completion, the dead-letter queue and cancelling", async () => {
  const queue = await target.queue("once");
  const sender = target.client.createSender(queue);
  const receiver = target.receiver(queue);
  await sender.sendMessages({ body: "completed", messageId: "a" });
  await receiver.completeMessage(await receiveOne(receiver));
  await sender.sendMessages({ body: "dead", messageId: "b" });
  await receiver.deadLetterMessage(await receiveOne(receiver));
  await sender.cancelScheduledMessages(
    await sender.scheduleMessages({ body: "canceled", messageId: "c" }, new Date(Date.now() + 24 * 60 * MINUTE)),
  );
  for (const messageId of ["a", "b", "c"]) await sender.sendMessages({ body: "again", messageId });
  expect(await receiveNone(receiver)).toEqual([]);
});

standInTest("SB-47: a scheduled message counts from the schedule call", async () => {
  const queue = await target.queue("once");
  const sender = target.client.createSender(queue);
  const at = new Date(target.part.now() + 30 * MINUTE);
  await sender.scheduleMessages({ body: "scheduled", messageId: "m" }, at);
  await sender.sendMessages({ body: "dropped", messageId: "m" });
  await target.part.advance(11 * MINUTE);
  await sender.sendMessages({ body: "window over", messageId: "m" });
  await target.part.advance(20 * MINUTE);
  expect(bodies(await receive(target.receiver(queue), 2))).toEqual(["window over", "scheduled"]);
});

test("SB-47: a scheduled duplicate gets a number that is good for nothing", async () => {
  const queue = await target.queue("once");
  const sender = target.client.createSender(queue);
  const at = new Date(Date.now() + 24 * 60 * MINUTE);
  const [first] = await sender.scheduleMessages({ body: 1, messageId: "m" }, at);
  const [second] = await sender.scheduleMessages({ body: 2, messageId: "m" }, at);
  if (first === undefined || second === undefined) throw new Error("There are no numbers.");
  await expect(sender.cancelScheduledMessages(second)).rejects.toMatchObject({ code: "MessageNotFound" });
  await sender.cancelScheduledMessages(first);
});
