/** Scheduling, cancelling, and the order in which times come. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let target: Target<"plain" | "sessions">;
beforeAll(async () => {
  target = await Target.start({ plain: {}, sessions: { requiresSession: true } });
});
afterAll(() => target.stop());

const inMs = (ms: number): Date => new Date(target.part.now() + ms);

test("SB-41: a scheduled message is not received; peek shows it as scheduled", async () => {
  const queue = await target.queue("plain");
  const at = new Date(Date.now() + DAY);
  const sender = target.client.createSender(queue);
  const numbers = await sender.scheduleMessages([{ body: "a" }, { body: "b" }], at);
  expect(numbers).toHaveLength(2);
  const receiver = target.receiver(queue);
  expect(await receiveNone(receiver)).toEqual([]);
  const [first, second] = await receiver.peekMessages(10);
  expect(first).toMatchObject({ body: "a", state: "scheduled", scheduledEnqueueTimeUtc: at });
  expect([first, second].map((message) => message?.sequenceNumber?.toString())).toEqual(numbers.map(String));
});

test("SB-41: a time on the message of an ordinary send does the same", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a", scheduledEnqueueTimeUtc: new Date(Date.now() + DAY) });
  expect(await receiveNone(target.receiver(queue))).toEqual([]);
  expect(await target.receiver(queue).peekMessages(1)).toMatchObject([{ body: "a", state: "scheduled" }]);
});

test("SB-41: a time that has passed means now", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).scheduleMessages({ body: "a" }, new Date(Date.now() - DAY));
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

standInTest("SB-42, SB-06: activation appends: a new number and time, and the old number is dead", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const at = inMs(30 * MINUTE);
  const [number] = await sender.scheduleMessages({ body: "scheduled" }, at);
  await sender.sendMessages({ body: "meanwhile" });
  await target.part.advance(30 * MINUTE);
  const [meanwhile, scheduled] = await receive(target.receiver(queue), 2);
  expect([meanwhile?.body, scheduled?.body]).toEqual(["meanwhile", "scheduled"]);
  expect(scheduled?.sequenceNumber?.toNumber()).toBeGreaterThan(meanwhile?.sequenceNumber?.toNumber() ?? Infinity);
  expect(scheduled?.enqueuedTimeUtc?.getTime()).toBeGreaterThanOrEqual(at.getTime());
  if (number === undefined) throw new Error("There is no number.");
  await expect(sender.cancelScheduledMessages(number)).rejects.toMatchObject({ code: "MessageNotFound" });
});

standInTest("messages come in the order of their times, not of their sending", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  for (const minutes of [3, 1, 2]) await sender.scheduleMessages({ body: minutes }, inMs(minutes * MINUTE));
  await target.part.advance(3 * MINUTE);
  expect(bodies(await receive(target.receiver(queue), 3))).toEqual([1, 2, 3]);
});

standInTest("none comes before its time, and a waiting receiver gets it then", async () => {
  const queue = await target.queue("plain");
  await target.client.createSender(queue).scheduleMessages({ body: "a" }, inMs(10 * MINUTE));
  const receiver = target.receiver(queue);
  await target.part.advance(9 * MINUTE);
  expect(await receiveNone(receiver)).toEqual([]);
  const waiting = receiveOne(receiver);
  await target.part.advance(MINUTE);
  expect((await waiting).body).toBe("a");
});

standInTest("a second later it comes by itself, without a jump of the clock", async () => {
  const queue = await target.queue("plain");
  const at = inMs(1_000);
  await target.client.createSender(queue).scheduleMessages({ body: "a" }, at);
  await receiveOne(target.receiver(queue));
  expect(target.part.now()).toBeGreaterThanOrEqual(at.getTime());
});

standInTest("a scheduled message for a session wakes who waits for one", async () => {
  const queue = await target.queue("sessions");
  await target.client.createSender(queue).scheduleMessages({ body: "a", sessionId: "s" }, inMs(MINUTE));
  const waiting = target.client.acceptNextSession(queue);
  await target.until(queue, ({ waitingForSession }) => waitingForSession === 1);
  await target.part.advance(MINUTE);
  const session = await waiting;
  expect(session.sessionId).toBe("s");
  expect((await receiveOne(session)).body).toBe("a");
});

standInTest("SB-43: a canceled message never comes", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const numbers = await sender.scheduleMessages([{ body: "a" }, { body: "b" }, { body: "c" }], inMs(MINUTE));
  await sender.cancelScheduledMessages(numbers.slice(0, 2));
  await target.part.advance(MINUTE);
  expect(bodies(await receive(target.receiver(queue), 1))).toEqual(["c"]);
  expect(await receiveNone(target.receiver(queue))).toEqual([]);
});

test("SB-43: cancelling what is not there is refused, and nothing of the list is canceled", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const [number] = await sender.scheduleMessages({ body: "a" }, new Date(Date.now() + DAY));
  if (number === undefined) throw new Error("There is no number.");
  await expect(sender.cancelScheduledMessages([number, number.add(1_000)])).rejects.toMatchObject({
    code: "MessageNotFound",
    message: expect.stringContaining(`Missing sequence numbers: ${number.add(1_000).toString()}`) as unknown,
  });
  expect(await target.receiver(queue).peekMessages(1)).toHaveLength(1);
});
