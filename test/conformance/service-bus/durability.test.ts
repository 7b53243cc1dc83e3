/** What was acknowledged stands after `kill -9`; what was settled never returns. */
import { afterEach, beforeEach, expect } from "@jest/globals";
import { bodies, receive, receiveNone, receiveOne, standInTest, Target } from "./target.js";

const MINUTE = 60_000;

let target: Target<"plain" | "once" | "sessions" | "twice">;
beforeEach(async () => {
  target = await Target.start({
    plain: {},
    once: { requiresDuplicateDetection: true },
    sessions: { requiresSession: true },
    twice: { maxDeliveryCount: 2 },
  });
});
afterEach(() => target.stop());

const sequence = (length: number): number[] => Array.from({ length }, (_, n) => n);

standInTest("SB-05: every acknowledged send and batch, in order, and numbers go on", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const acknowledged: number[] = [];
  const sending = sequence(400).map((n) =>
    sender.sendMessages(n % 2 === 0 ? { body: n } : [{ body: n }, { body: n }]).then(() => acknowledged.push(n)),
  );
  // The kill falls among the sends: some are acknowledged, some are not, and no batch is there by half.
  await Promise.all(sending.slice(0, 100));
  await target.part.end("SIGKILL");
  const known = [...acknowledged];
  void Promise.allSettled(sending);
  await target.killAndRestart();
  const receiver = target.receiver(queue);
  const kept = await receiver.peekMessages(250);
  for (let more = await receiver.peekMessages(250); more.length > 0; more = await receiver.peekMessages(250))
    kept.push(...more);
  const times = new Map<number, number>();
  for (const { body } of kept) times.set(body as number, (times.get(body as number) ?? 0) + 1);
  expect(known.filter((n) => !times.has(n))).toEqual([]);
  expect([...times].filter(([n, count]) => count !== (n % 2 === 0 ? 1 : 2))).toEqual([]);
  const last = kept.at(-1)?.sequenceNumber?.toNumber() ?? 0;
  await target.send(queue, { body: "next" });
  const [next] = await receiver.peekMessages(1);
  expect(next?.sequenceNumber?.toNumber()).toBeGreaterThan(last);
});

standInTest("settlements: completed ones never return, abandoned ones keep their count", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "completed" }, { body: "abandoned" }, { body: "locked" }, { body: "untouched" });
  const receiver = target.receiver(queue);
  const [completed, abandoned] = await receive(receiver, 3);
  if (completed === undefined || abandoned === undefined) throw new Error("No messages.");
  await receiver.completeMessage(completed);
  await receiver.abandonMessage(abandoned, { colour: "red" });
  await target.killAndRestart();
  const messages = await receive(target.receiver(queue), 3);
  expect(messages.map(({ body, deliveryCount }) => [body as unknown, deliveryCount])).toEqual([
    ["abandoned", 1],
    // The lock is gone, uncounted: nobody knows whether the message was worked on.
    ["locked", 0],
    ["untouched", 0],
  ]);
  expect(messages[0]?.applicationProperties).toEqual({ colour: "red" });
  expect(messages.map(({ sequenceNumber }) => sequenceNumber?.toNumber())).toEqual([2, 3, 4]);
});

standInTest("SB-17: a lock token from before the crash settles nothing", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "a" });
  const message = await receiveOne(target.receiver(queue));
  await target.killAndRestart();
  await expect(target.receiver(queue).completeMessage(message)).rejects.toMatchObject({ code: "MessageLockLost" });
  expect((await receiveOne(target.receiver(queue))).body).toBe("a");
});

standInTest("SB-21: what receive-and-delete has given out is gone", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: 1 }, { body: 2 });
  const receiver = target.client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
  expect((await receiveOne(receiver)).body).toBe(1);
  await target.killAndRestart();
  expect(bodies(await target.receiver(queue).peekMessages(10))).toEqual([2]);
});

standInTest("deferral, and a dead letter with its reason", async () => {
  const queue = await target.queue("plain");
  await target.send(queue, { body: "deferred" }, { body: "dead" });
  const receiver = target.receiver(queue);
  const deferred = await receiveOne(receiver);
  await receiver.deferMessage(deferred);
  await receiver.deadLetterMessage(await receiveOne(receiver), {
    deadLetterReason: "r",
    deadLetterErrorDescription: "d",
  });
  await target.killAndRestart();
  const after = target.receiver(queue);
  expect(await receiveNone(after)).toEqual([]);
  const numbers = deferred.sequenceNumber === undefined ? [] : [deferred.sequenceNumber];
  expect(await after.receiveDeferredMessages(numbers)).toMatchObject([{ body: "deferred", deliveryCount: 1 }]);
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({
    body: "dead",
    deadLetterReason: "r",
    deadLetterErrorDescription: "d",
  });
});

standInTest("SB-18: counts go on, so that a message that kills its readers is dead-lettered all the same", async () => {
  const queue = await target.queue("twice");
  await target.send(queue, { body: "a" });
  for (let n = 0; n < 2; n++) {
    const receiver = target.receiver(queue);
    await receiver.abandonMessage(await receiveOne(receiver));
    await target.killAndRestart();
  }
  expect(await receiveOne(target.deadLetters(queue))).toMatchObject({ deadLetterReason: "MaxDeliveryCountExceeded" });
});

standInTest("schedules: those to come, those that came due meanwhile, and cancelled ones", async () => {
  const queue = await target.queue("plain");
  const sender = target.client.createSender(queue);
  const at = (minutes: number): Date => new Date(target.part.now() + minutes * MINUTE);
  await sender.scheduleMessages({ body: "soon" }, at(10));
  await sender.scheduleMessages({ body: "later" }, at(60));
  await sender.cancelScheduledMessages(await sender.scheduleMessages({ body: "canceled" }, at(10)));
  await target.part.end("SIGKILL");
  await target.part.advance(20 * MINUTE);
  await target.killAndRestart();
  const receiver = target.receiver(queue);
  expect((await receiveOne(receiver)).body).toBe("soon");
  expect(await receiveNone(receiver)).toEqual([]);
  await target.part.advance(40 * MINUTE);
  expect((await receiveOne(receiver)).body).toBe("later");
});

standInTest("a session's state, and the order of its messages", async () => {
  const queue = await target.queue("sessions");
  await target.send(queue, ...[1, 2, 3].map((body) => ({ body, sessionId: "s" })));
  const session = await target.client.acceptSession(queue, "s");
  await session.completeMessage(await receiveOne(session));
  await session.abandonMessage(await receiveOne(session));
  await session.setSessionState({ seen: 1 });
  await target.killAndRestart();
  const again = await target.client.acceptNextSession(queue);
  expect(await again.getSessionState()).toEqual({ seen: 1 });
  const messages = await receive(again, 2);
  expect(messages.map(({ body, deliveryCount }) => [body as unknown, deliveryCount])).toEqual([
    [2, 1],
    [3, 0],
  ]);
});

standInTest("SB-46: the history of duplicates, with its times", async () => {
  const queue = await target.queue("once");
  await target.send(queue, { body: 1, messageId: "m" });
  const receiver = target.receiver(queue);
  await receiver.completeMessage(await receiveOne(receiver));
  await target.part.advance(6 * MINUTE);
  await target.killAndRestart();
  await target.send(queue, { body: 2, messageId: "m" });
  expect(await target.receiver(queue).peekMessages(1)).toEqual([]);
  await target.part.advance(5 * MINUTE);
  await target.send(queue, { body: 3, messageId: "m" });
  expect(bodies(await target.receiver(queue).peekMessages(1))).toEqual([3]);
});
